"""Formats log lines, and keeps what the SDK logs to the debug level."""

from __future__ import annotations

import logging
import time
from typing import Final

from singer_sdk.logging import ConsoleFormatter, StructuredFormatter
from singer_sdk.metrics import METRICS_LOGGER_NAME

from tap_emag.meltano.caller import is_invoked

FORMAT = "TAP_EMAG_LOG_FORMAT"  # Meltano sets it besides the configuration file
# What the SDK logs of each stream, setting and child stream, by the beginnings of its texts.
SDK_LINES: Final = ("Added '", "Beginning sync of ", "Skipping parse of env", "Skipping deselected")
REPEATED: Final = "An unhandled error occurred"  # of the SDK; the command logs the error, once


class UtcFormatter(ConsoleFormatter):
    """The SDK's form of a line, with its time in UTC."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


class DebugLines(logging.Filter):
    """Logs what the SDK logs of its own work, and its metrics, at the debug level."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged, at the level that it has now."""
        text = str(record.msg)
        if text.startswith(REPEATED):
            return False
        if record.name == METRICS_LOGGER_NAME or text.startswith(SDK_LINES):
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
            return logging.getLogger().isEnabledFor(logging.DEBUG)
        return True


def is_json() -> bool:
    """Return whether log lines are written as JSON."""
    handlers = logging.getLogger().handlers
    return any(isinstance(handler.formatter, StructuredFormatter) for handler in handlers)


def write_text() -> None:
    """Make the root logger's handlers write lines for people, unless Meltano reads them as JSON.

    It does so for `meltano run`; `meltano invoke` passes them on to the terminal as they are.
    """
    for handler in logging.getLogger().handlers:
        by_sdk = isinstance(handler.formatter, ConsoleFormatter)
        if by_sdk or (isinstance(handler.formatter, StructuredFormatter) and is_invoked()):
            handler.setFormatter(UtcFormatter())


def quiet_sdk() -> None:
    """Keep what the SDK logs of its own work to the debug level."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(each, DebugLines) for each in handler.filters):
            handler.addFilter(DebugLines())


def write_json(run_id: str, account: str) -> None:
    """Make the root logger's handlers write one JSON object per line, in the SDK's own form."""
    formatter = StructuredFormatter(
        defaults={"app_name": "tap-emag", "run_id": run_id, "account": account}
    )
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter)
