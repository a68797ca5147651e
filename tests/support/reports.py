"""Reports of runs, one of each kind and whatever else there may be; what their bodies must be."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tap_emag.reporting.report import RunReport, StreamReport
from tap_emag.watchdog import Watchdog

if TYPE_CHECKING:
    from tap_emag.reporting.report import Status

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA = json.loads((DOCS / "webhook.schema.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
STARTED = datetime(2026, 11, 24, 19, 7, 30, 250_000, tzinfo=timezone.utc)
ORDERS = StreamReport(
    stream="orders",
    status="completed",
    full=False,
    seconds=1.904,
    rows={"orders": 53, "order_lines": 94},
    actions={"created": 5, "updated": 20, "unchanged": 28},
    requests=4,
    waited=0.211,
    bookmark=datetime(2026, 11, 24, 19, 6, 8, tzinfo=timezone.utc),
)
STATUSES = StreamReport("order_statuses", "completed", True, 0.01, {}, {}, 0, 0.0)
PRODUCTS = StreamReport(
    stream="products",
    status="timed_out",
    full=True,
    seconds=598.2,
    rows={"products": 41200, "product_history": 41200},
    actions={"created": 41200},
    requests=1413,
    waited=463.51,
    error="DeadlineError",
)


def _time_is_over() -> str:
    """Return what the watchdog of such a run says."""
    watchdog = Watchdog(600, 0)
    watchdog.update_progress("orders of type 3", "read up to 2026-11-24 19:06:08 UTC (100 %)")
    watchdog.update_progress("products", "41200 of about 108421 read (38 %)")
    return str(watchdog._reason(time.monotonic() + 601))


TIME_IS_OVER = _time_is_over()
REFUSED = "vat/read: eMAG refuses the user or password (HTTP 403). Check `username` & `password`"


def a_report(status: Status = "completed", **changes: Any) -> RunReport:  # noqa: ANN401
    """Return the report of a run that ended in this way, or of one that is a little different."""
    endings: dict[Status, dict[str, Any]] = {
        "completed": {"seconds": 2.4, "exit_code": 0, "streams": (ORDERS, STATUSES)},
        "failed": {
            "seconds": 0.8,
            "exit_code": 3,
            "streams": (),
            "error": "CredentialsError",
            "message": REFUSED,
        },
        "timed_out": {
            "seconds": 600.1,
            "exit_code": 4,
            "streams": (ORDERS, PRODUCTS),
            "error": "DeadlineError",
            "message": TIME_IS_OVER,
        },
    }
    given = {
        "run_id": "0b0f0d3c-7a37-4c3a-9a2c-6f1d2f6f7f10",
        "marketplace": "emag_ro",
        "account_type": "main",
        "started": STARTED,
        "status": status,
    }
    return RunReport(**{**given, **endings[status], **changes})


SIGNS = st.characters() | st.characters(categories=["Cs"])  # halves of surrogates as well
TEXTS = st.builds(lambda text, times: text * times, st.text(SIGNS), st.integers(0, 900))
MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.timezones(),
)
SECONDS = st.floats(0, 1e6)
COUNTS = st.dictionaries(TEXTS | st.sampled_from(["created", "orders"]), st.integers(0, 10**12))
STREAMS = st.builds(
    StreamReport,
    stream=TEXTS,
    status=st.sampled_from(["completed", "failed", "timed_out"]),
    full=st.booleans(),
    seconds=SECONDS,
    rows=COUNTS,
    actions=COUNTS,
    requests=st.integers(0, 10**9),
    waited=SECONDS,
    bookmark=st.none() | MOMENTS,
    error=st.none() | TEXTS,
)
MANY_STREAMS = st.builds(
    lambda streams, times: tuple(streams * times), st.lists(STREAMS, max_size=4), st.integers(0, 15)
)
FROM_CALLER: dict[str, Any] = {
    "run_id": TEXTS,
    "marketplace": TEXTS,
    "account_type": TEXTS,
    "started": MOMENTS,
    "seconds": SECONDS,
    "streams": MANY_STREAMS,
}
REPORTS = st.builds(
    RunReport, status=st.just("completed"), exit_code=st.just(0), **FROM_CALLER
) | st.builds(
    RunReport,
    status=st.sampled_from(["failed", "timed_out"]),
    exit_code=st.integers(1, 159),
    error=TEXTS,
    message=st.none() | TEXTS,
    **FROM_CALLER,
)
