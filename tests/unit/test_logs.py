"""Log lines for people: what the SDK logs of its own work is at the debug level, times are UTC."""

from __future__ import annotations

import io
import json
import logging
import time
from typing import TYPE_CHECKING

import pytest
from singer_sdk.logging import ConsoleFormatter, StructuredFormatter

from tap_emag import logs
from tap_emag.logs import quiet_sdk, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

SDK = [
    ("singer_sdk.metrics", "METRIC: %s"),
    ("tap-emag", "Added '%s' as child stream to '%s'"),
    ("tap-emag", "Skipping parse of env var settings..."),
    ("tap-emag.orders", "Beginning sync of '%s' in %s mode"),
]


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.StreamHandler[io.StringIO]]:
    """The only handler of the root logger, as the SDK sets it up."""
    root, level = logging.getLogger(), logging.getLogger().level
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(ConsoleFormatter())
    monkeypatch.setattr(root, "handlers", [handler])
    yield handler
    root.setLevel(level)


def log_all() -> None:
    for name, text in SDK:
        logging.getLogger(name).info(text, *["x"] * text.count("%s"))
    logging.getLogger("tap-emag.orders").error("An unhandled error occurred while syncing 'x'")
    logging.getLogger("tap-emag").info("orders: 5 rows")


def test_lines_of_the_sdk_are_left_out(handler: logging.StreamHandler[io.StringIO]) -> None:
    logging.getLogger().setLevel(logging.INFO)
    quiet_sdk()
    log_all()
    [line] = handler.stream.getvalue().splitlines()
    assert line.endswith("orders: 5 rows")


def test_lines_of_the_sdk_are_there_at_the_debug_level(
    handler: logging.StreamHandler[io.StringIO],
) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    quiet_sdk()
    quiet_sdk()
    log_all()
    lines = handler.stream.getvalue().splitlines()
    assert [line.split(" | ")[1].strip() for line in lines] == ["DEBUG"] * len(SDK) + ["INFO"]


def test_times_are_in_utc_and_say_so(
    handler: logging.StreamHandler[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Bucharest")
    time.tzset()
    try:
        write_text()
        record = logging.makeLogRecord(
            {"msg": "x", "name": "x", "levelname": "INFO", "created": 1764446400.25}
        )
        record.msecs = 250.0
        assert handler.format(record).startswith("2025-11-29T20:00:00.250Z | INFO")
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("invoked", [True, False])
def test_meltano_reads_json_of_runs_only(
    handler: logging.StreamHandler[io.StringIO], monkeypatch: pytest.MonkeyPatch, invoked: bool
) -> None:
    logging.getLogger().setLevel(logging.INFO)
    handler.setFormatter(StructuredFormatter())
    monkeypatch.setattr(logs, "is_invoked", lambda: invoked)
    write_text()
    logging.getLogger("tap-emag").warning("orders: slow")
    text = handler.stream.getvalue()
    assert text.startswith("20") == invoked
    assert invoked or json.loads(text)["level"] == "warning"
