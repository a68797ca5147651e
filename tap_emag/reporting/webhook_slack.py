"""Formats a report for Slack: a headline, the next step after a failure, a line for each stream.

Slack refuses a message that is over its limits, and treats `&`, `<` and `>` as markup.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_emag.progress import spoken
from tap_emag.reporting.summary import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_emag.reporting.report import RunReport, Status

HEADER = 150  # characters of a header
SECTION = 3000  # characters of any other text
LONGEST_LINE = 300  # characters for one stream
MOST_LINES = 60  # of one message
CONTROL = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
HEADLINES: dict[Status, str] = {
    "completed": "✅ {account}: sync completed in {duration}",
    "failed": "❌ {account}: sync failed after {duration}",
    "timed_out": "⌛ {account}: sync timed out after {duration}",
}
NEXT = {
    1: "The next run tries again; if it fails as well, look into the log.",
    2: "Change the setting that is named, then run again.",
    3: "Nothing can be read until this is put right.",
    5: "Nothing to do at first: a run a little later asks again.",
}
GOES_ON = "The next run goes on where this one stopped."


def as_slack(report: RunReport) -> dict[str, Any]:
    """Return a message for an incoming webhook; `text` is what a notification shows of it."""
    account = f"{report.marketplace}/{report.account_type}"
    headline = HEADLINES[report.status].format(account=account, duration=spoken(report.seconds))
    problem = "" if report.status == "completed" else _problem(report)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": escaped(headline, HEADER)}}
    ]
    if problem:
        blocks.append({"type": "section", "text": _text(escaped(problem, SECTION))})
    lines = [escaped(line, LONGEST_LINE) for line in _lines(report)]
    blocks += [{"type": "section", "text": _text(section)} for section in _sections(lines)]
    run = escaped(f"run {report.run_id}", HEADER)
    blocks.append({"type": "context", "elements": [_text(run)]})
    return {
        "text": escaped("\n".join(filter(None, [headline, problem])), SECTION),
        "blocks": blocks,
    }


def escaped(text: str, most: int) -> str:
    """Escape a text, and cut it where it would be longer than `most` characters."""
    signs = [CONTROL.get(sign, sign) for sign in text]
    if sum(map(len, signs)) <= most:
        return "".join(signs)
    room, kept = most - 1, []
    for sign in signs:
        room -= len(sign)
        if room < 0:
            break
        kept.append(sign)
    return f"{''.join(kept)}…"


def _problem(report: RunReport) -> str:
    """Return why the run failed, and what to do."""
    reason = report.message or (
        f"{report.error}, which is a defect of tap-emag; the log of the run shows where."
    )
    return f"{reason}\n{NEXT.get(report.exit_code, GOES_ON)}"


def _lines(report: RunReport) -> Iterator[str]:
    """Yield a line for each stream that failed, or sent requests and wrote; one for all others."""
    listed = [item for item in report.streams if item.error or (item.requests and item.rows)]
    yield from (f"• {rows_of(stream)}" for stream in listed[:MOST_LINES])
    if len(listed) > MOST_LINES:
        yield f"• further streams: {len(listed) - MOST_LINES}"
    others = [stream for stream in report.streams if stream not in listed]
    if others:
        rows = sum(sum(stream.rows.values()) for stream in others)
        yield f"• others ({len(others)}): {rows:,} rows"


def _sections(lines: Iterable[str]) -> Iterator[str]:
    """Join lines into as few sections as possible."""
    section = ""
    for line in lines:
        if section and len(section) + 1 + len(line) > SECTION:
            yield section
            section = ""
        section = f"{section}\n{line}" if section else line
    if section:
        yield section


def _text(text: str) -> dict[str, Any]:
    """Return a text in which Slack does not turn names or addresses into links."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
