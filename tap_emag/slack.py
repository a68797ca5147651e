"""What Slack is told of a run: a headline, what to do if it failed, a line for each stream.

Slack refuses a message that is over its limits, and reads `&`, `<` and `>` as signs of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_emag.progress import spoken
from tap_emag.summary import ACTIONS, ENDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_emag.report import RunReport, Status, StreamReport

HEADER = 150  # characters of a header
SECTION = 3000  # characters of any other text
LONGEST_LINE = 300  # characters said of one stream
MOST_LINES = 60  # of one message
CONTROL = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
HEADLINES: dict[Status, str] = {
    "success": "✅ {account}: sync completed in {duration}",
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
    problem = "" if report.status == "success" else _problem(report)
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
    """Say why the run failed, and what to do."""
    said = report.message or (
        f"{report.error}, which is a defect of tap-emag; the log of the run says where."
    )
    return f"{said}\n{NEXT.get(report.exit_code, GOES_ON)}"


def _lines(report: RunReport) -> Iterator[str]:
    """Give a line for each stream that failed, or asked and wrote; and one for all others."""
    told = [item for item in report.streams if item.error or (item.requests and item.rows)]
    yield from map(_line, told[:MOST_LINES])
    if len(told) > MOST_LINES:
        yield f"• further streams: {len(told) - MOST_LINES}"
    others = [stream for stream in report.streams if stream not in told]
    if others:
        rows = sum(sum(stream.rows.values()) for stream in others)
        yield f"• others ({len(others)}): {rows:,} rows"


def _line(stream: StreamReport) -> str:
    actions = [f"{stream.actions[name]:,} {name}" for name in ACTIONS if stream.actions.get(name)]
    parts = [f"{stream.rows.get(stream.stream, 0):,} rows"]
    parts[0] += f" ({', '.join(actions)})" if actions else ""
    parts += [f"{name} {rows:,}" for name, rows in stream.rows.items() if name != stream.stream]
    return f"• {stream.stream}: {ENDINGS[stream.status]}{', '.join(parts)}"


def _sections(lines: Iterable[str]) -> Iterator[str]:
    """Join lines into as few texts as they fit in."""
    section = ""
    for line in lines:
        if section and len(section) + 1 + len(line) > SECTION:
            yield section
            section = ""
        section = f"{section}\n{line}" if section else line
    if section:
        yield section


def _text(text: str) -> dict[str, Any]:
    """Return a text that Slack searches for no names or addresses to make links of."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
