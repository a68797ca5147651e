"""Whatever a run did, what is told of it is valid, and within the limits of whoever reads it."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag.reporting.report import EVENTS
from tap_emag.reporting.webhook_json import LONGEST_MESSAGE, as_json, encoded
from tap_emag.reporting.webhook_slack import HEADER, SECTION, as_slack, escaped
from tests.support.reports import (
    ORDERS,
    PRODUCTS,
    REFUSED,
    REPORTS,
    SCHEMA,
    TIME_IS_OVER,
    VALIDATOR,
    a_report,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.reporting.report import RunReport, Status

IDENTITY = "6b1f4d1a-0a52-4d57-8d53-1f6a3c1f0e11"
MOST_BLOCKS = 50
TOLD_TO_SLACK = f"""\
⌛ emag_ro/main: sync timed out after 10 min

{TIME_IS_OVER}
The next run goes on where this one stopped.

• orders: 53 rows (5 created, 20 updated, 28 unchanged), order_lines 94
• products: stopped before its end; 41,200 rows (41,200 created), product_history 41,200

run 0b0f0d3c-7a37-4c3a-9a2c-6f1d2f6f7f10"""
LOOSE = re.compile(r"[<>]|&(?!amp;|lt;|gt;)")


def test_the_schema_is_one() -> None:
    VALIDATOR.check_schema(SCHEMA)


@given(REPORTS)
def test_any_report_is_told_as_the_schema_says(report: RunReport) -> None:
    body = json.loads(encoded(as_json(report, IDENTITY)))
    VALIDATOR.validate(body)
    assert body["event"] == EVENTS[report.status]
    assert len(body["streams"]) == len(report.streams)


def test_the_schema_describes_every_key() -> None:
    body = as_json(a_report("timed_out"), IDENTITY)
    assert list(body) == list(SCHEMA["properties"]) == SCHEMA["required"]
    stream = SCHEMA["$defs"]["stream"]
    assert list(body["streams"][0]) == list(stream["properties"]) == stream["required"]
    account = SCHEMA["properties"]["account"]
    assert list(body["account"]) == list(account["properties"]) == account["required"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": "sync_ended"},
        {"exit_code": 1},
        {"started_at": "2026-11-24T19:06:08+00:00"},
        {"version": 2},
        {"id": "1"},
        {"streams": [{}]},
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_not_so(wrong: dict[str, Any]) -> None:
    body = as_json(a_report(), IDENTITY)
    assert VALIDATOR.is_valid(body)
    assert not VALIDATOR.is_valid({**body, **wrong})


def test_a_run_ends_as_much_later_as_it_took() -> None:
    body = as_json(a_report(seconds=3600.5), IDENTITY)
    assert body["started_at"] == "2026-11-24T19:07:30.250Z"
    assert body["ended_at"] == "2026-11-24T20:07:30.750Z"


def test_a_long_message_is_cut() -> None:
    body = as_json(a_report("failed", message="a" * 5000), IDENTITY)
    assert body["message"] == "a" * (LONGEST_MESSAGE - 1) + "…"


@given(REPORTS)
def test_any_report_is_within_the_limits_of_slack(report: RunReport) -> None:
    message = json.loads(encoded(as_slack(report)))
    assert 2 <= len(message["blocks"]) <= MOST_BLOCKS
    assert 0 < len(message["text"]) <= SECTION
    for kind, text in _texts(message):
        assert 0 < len(text) <= (HEADER if kind == "plain_text" else SECTION)
        assert not LOOSE.search(text)


def test_many_streams_take_several_sections_and_then_a_number() -> None:
    message = as_slack(a_report("timed_out", streams=(PRODUCTS,) * 500))
    texts = [text for kind, text in _texts(message) if kind == "mrkdwn"]
    assert sum(text.count("• products: stopped before its end;") for text in texts) == 60
    assert any("• further streams: 440" in text for text in texts)
    assert len(texts) > 3


@given(st.text(), st.integers(1, 200))
def test_what_is_escaped_for_slack_reads_as_before(text: str, most: int) -> None:
    told = escaped(text, most)
    assert len(told) <= most
    whole = html.unescape(told)
    assert whole == text or text.startswith(whole.removesuffix("…"))
    assert whole == text or len(escaped(text, 10**6)) > most


def test_slack_is_told_what_happened_in_a_few_lines() -> None:
    message = as_slack(a_report("timed_out"))
    assert "\n\n".join(text for _, text in _texts(message)) == TOLD_TO_SLACK


def test_streams_that_asked_nothing_or_wrote_nothing_share_a_line() -> None:
    silent = replace(ORDERS, stream="vat_rates", rows={}, actions={})
    unasked = replace(ORDERS, stream="order_types", rows={"order_types": 2}, requests=0)
    failed = replace(unasked, stream="returns", rows={}, status="failed", error="ContractError")
    told = as_slack(a_report(streams=(silent, ORDERS, unasked, failed)))
    [_, (_, lines), _] = _texts(told)
    streams = [line.partition(":")[0] for line in lines.splitlines()]
    assert streams == ["• orders", "• returns", "• others (2)"]
    assert lines.endswith(": 2 rows")


@pytest.mark.parametrize("status", ["failed", "timed_out"])
def test_a_notification_says_why_it_failed(status: Status) -> None:
    report = a_report(status)
    assert html.unescape(as_slack(report)["text"]).splitlines()[1] == report.message


def test_an_error_without_a_message_is_told_by_its_class() -> None:
    report = a_report("failed", exit_code=1, error="KeyError", message=None)
    assert "KeyError, which is a defect of tap-emag" in as_slack(report)["text"]


def test_signs_that_mean_something_to_slack_are_escaped() -> None:
    message = as_slack(a_report("failed", message=f"<!channel> {REFUSED}", streams=(ORDERS,)))
    assert "&lt;!channel&gt; vat/read" in message["text"]
    assert "`username` &amp; `password`" in message["blocks"][1]["text"]["text"]


def _texts(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give kind and text of everything that a message shows."""
    for block in message["blocks"]:
        for part in [block["text"]] if "text" in block else block["elements"]:
            yield part["type"], part["text"]
