"""What a run says of its streams: a line for each, and a table at its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from tap_emag.reporting.report import StreamReport
from tap_emag.reporting.summary import code_lists_line, line_of, table_of
from tests.support.reports import ORDERS, PRODUCTS, STATUSES, a_report

QUIET = StreamReport(
    stream="returns",
    status="completed",
    full=False,
    seconds=0.14,
    rows={},
    actions={"unchanged": 8},
    requests=1,
    waited=0.02,
)

TABLE = """
stream                     rows  created  updated  unchanged  rejected  requests  seconds  read up to (UTC)
-----------------------  ------  -------  -------  ---------  --------  --------  -------  -------------------
orders                       53        5       20         28         0         4      1.9  2026-11-24 19:06:08
  order_lines                94
products (not complete)  41,200   41,200        0          0         0     1,413    598.2
  product_history        41,200
returns                       0        0        0          8         0         1      0.1
"""  # noqa: E501


def test_a_line_says_what_a_stream_did() -> None:
    report = StreamReport(
        stream="orders",
        status="timed_out",
        full=False,
        seconds=1.94,
        rows={"orders": 5300, "order_lines": 94},
        actions={"unchanged": 28, "created": 5252, "updated": 20, "failed": 3},
        requests=4,
        waited=12.44,
        bookmark=datetime(2026, 11, 24, 19, 6, 8, tzinfo=timezone.utc),
        error="DeadlineError",
    )
    assert line_of(report) == (
        "orders: stopped before its end; 5,300 rows (5,252 created, 20 updated, 28 unchanged,"
        " 3 rejected), order_lines 94; 4 requests that waited 3.1 s each for the budget; 1.9 s;"
        " read up to 2026-11-24 19:06:08 UTC"
    )


def test_a_quiet_stream_says_so() -> None:
    assert line_of(QUIET) == "returns: nothing new (8 unchanged); 1 request; 0.1 s"


def test_a_bookmark_that_is_a_date_is_shown_as_a_date() -> None:
    dated = replace(QUIET, bookmark=datetime(2026, 11, 30, tzinfo=timezone.utc))
    assert line_of(dated).endswith("; read up to 2026-11-30")


def test_code_lists_share_a_line() -> None:
    lists = [replace(STATUSES, rows={"x": 1200}), replace(STATUSES, rows={"y": 1})]
    assert code_lists_line(lists) == "2 code lists: 1,201 rows"
    assert code_lists_line(lists[1:]) == "1 code list: 1 row"


def test_a_table_of_all_streams_ends_a_run() -> None:
    table = "\n".join(table_of(a_report(streams=(ORDERS, PRODUCTS, QUIET, STATUSES))))
    assert table == TABLE.strip()


@pytest.mark.parametrize("streams", [(), (ORDERS,), (QUIET, QUIET), (ORDERS, STATUSES)])
def test_one_stream_or_a_quiet_run_needs_no_table(streams: tuple[StreamReport, ...]) -> None:
    assert list(table_of(a_report(streams=streams))) == []
