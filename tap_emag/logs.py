"""Log lines as JSON, for whoever collects logs: each one with the run's id and the account."""

from __future__ import annotations

import logging

from singer_sdk.logging import StructuredFormatter


def write_json(run_id: str, account: str) -> None:
    """Let all handlers of the root logger write one JSON object a line, in the SDK's own form."""
    formatter = StructuredFormatter(
        defaults={"app_name": "tap-emag", "run_id": run_id, "account": account}
    )
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter)
