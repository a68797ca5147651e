"""Runs of the tap in this process: what it writes, and what it ends with."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_emag.errors import EmagError
from tap_emag.tap import STREAMS, TapEmag
from tests.support.api import QUICK, STATE_DIR
from tests.support.command import COMMAND

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

LONG = bool(os.environ.get("TAP_EMAG_LONG"))
NAMES = [stream.table.name for stream in STREAMS]
# What is written by one reading, by the resource that is read.
FAMILIES = {
    "order": [
        *("orders", "order_lines", "order_vouchers", "order_voucher_splits", "order_attachments")
    ],
    "order/volumetry": ["order_volumetry"],
    "product_offer": ["products", "product_history", "product_deletions"],
    "rma": ["returns", "return_lines", "return_events"],
    "awb": ["awbs", "awb_parcels"],
    "category": ["categories", "category_characteristics", "category_family_types"],
    "locality": ["localities"],
    "vat": ["vat_rates"],
    "handling_time": ["handling_times"],
    "courier_accounts": ["courier_accounts"],
    "addresses": ["addresses"],
    "awb/package": ["awb_packages"],
    "invoice": ["invoices", "invoice_lines"],
    "customer-invoice": ["customer_invoices", "customer_invoice_lines"],
}
Json = dict[str, Any]


@dataclass
class Run:
    """What one run wrote."""

    messages: list[Json] = field(default_factory=list)
    error: EmagError | None = None

    def rows(self, *streams: str) -> list[Json]:
        return [
            message["record"]
            for message in self.messages
            if message["type"] == "RECORD" and message["stream"] in streams
        ]

    @property
    def state(self) -> Json:
        states = [message["value"] for message in self.messages if message["type"] == "STATE"]
        return states[-1] if states else {}


class Output(io.TextIOWrapper):
    """Stands for standard output, whose bytes the tap writes to."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode()  # type: ignore[attr-defined, no-any-return]


def config(url: str, **values: Any) -> Json:  # noqa: ANN401 - settings
    quick = {"order_lookback_seconds": 0, "settle_seconds": 2, "retry_max_attempts": 2}
    state_dir = {"state_dir": os.environ[STATE_DIR]}
    return {**QUICK, **quick, **state_dir, "api_url": url, **values}


def sync(
    url: str,
    streams: Collection[str],
    state: object = None,
    catalog: Any = None,  # noqa: ANN401 - whatever a file may hold
    **values: Any,  # noqa: ANN401 - settings
) -> Run:
    """Run the tap on these streams to its end, or to its error; any other exception is a defect."""
    output, stdout = Output(), sys.stdout
    run = Run()
    sys.stdout = output
    try:
        tap = TapEmag(config=config(url, **values), state=state or {}, catalog=catalog)
        if catalog is None:
            for stream in tap.streams.values():
                stream.selected = stream.name in streams
        tap.sync_all()
    except EmagError as error:
        run.error = error
    finally:
        sys.stdout = stdout
    lines = output.text().split("\n")[:-1]
    run.messages = [json.loads(line, parse_float=Decimal) for line in lines]
    return run


def command(folder: Path, url: str, **files: bytes) -> subprocess.CompletedProcess[str]:
    """Run the real command with a configuration for `url`; `files` are its other options."""
    given = {"config": json.dumps(config(url)).encode(), **files}
    arguments = []
    for name, content in given.items():
        (folder / name).write_bytes(content)
        arguments += [f"--{name}", str(folder / name)]
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
