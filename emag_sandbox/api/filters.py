"""Parses the filters of a request, and refuses invalid ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.shop.localtime import DAY, parse_stamp
from emag_sandbox.shop.order_index import Span

if TYPE_CHECKING:
    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.shop.localtime import LocalTime

WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
MOST_ROWS: Final = 100
LAST_PAGE: Final = 65_535
LONGEST_SPAN: Final = 31 * DAY
LOWER_IN: Final = ("closed", "half")
UPPER_IN: Final = ("closed", "half_upper")
# Documented: "after" and "before" for all but returns, which begin with their first moment.
WORDED: Final = {"rma": "half"}


class Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """A request that is answered with `isError`."""

    def __init__(self, message: str, status: int = 200) -> None:
        """Refuse with a message and an HTTP status."""
        super().__init__(message)
        self.message = message
        self.status = status


def heeded(params: dict[str, Any], resource: str, config: SandboxConfig) -> dict[str, Any]:
    """Return the filters that have an effect, by the knobs.

    Raises:
        Refused: when a filter is among those that are refused.
    """
    kept = {}
    for name, value in params.items():
        if f"{resource}.{name}" in config.refused_filters:
            message = f"Unknown filter: {name}"
            raise Refused(message)
        if f"{resource}.{name}" not in config.ignored_filters:
            kept[name] = value
    return kept


def integer(params: dict[str, Any], name: str) -> int | None:
    """A whole number, given as a number or as digits.

    Raises:
        Refused: when it is anything else.
    """
    return None if name not in params else _integer(name, params[name])


def integers(params: dict[str, Any], name: str) -> frozenset[int] | None:
    """One whole number or a list of them.

    Raises:
        Refused: when it is anything else.
    """
    if name not in params:
        return None
    given = params[name]
    return frozenset(
        _integer(name, each) for each in (given if isinstance(given, list) else [given])
    )


def text(params: dict[str, Any], name: str) -> str | None:
    """A text; a number is as good as its digits."""
    return None if name not in params else str(params[name])


def paging(
    params: dict[str, Any],
    config: SandboxConfig,
    most: int = MOST_ROWS,
    *,
    cap: int | None = None,
) -> tuple[int, int]:
    """Return the requested page, from 1, and its size: 100 by default, `most` at most.

    A `cap` replaces `most`; one above `most` returns more rows than requested.

    Raises:
        Refused: when either is out of range.
    """
    page, size = integer(params, "currentPage"), integer(params, "itemsPerPage")
    page, size = 1 if page is None else page, MOST_ROWS if size is None else size
    if not 1 <= page <= LAST_PAGE:
        message = f"Invalid currentPage: {page}"
        raise Refused(message)
    if size < 1:
        message = f"Invalid itemsPerPage: {size}"
        raise Refused(message)
    if size > most and config.page_limit_mode == "refuse":
        message = f"Reading is limited to maximum {most} elements"
        raise Refused(message, 400)
    if cap is not None:
        return page, cap if cap > most else min(size, cap)
    return page, min(size, most)


def span(
    params: dict[str, Any],
    name: str,
    config: SandboxConfig,
    local: LocalTime,
    *,
    of_count: bool = False,
) -> Span | None:
    """The range that `<name>After` and `<name>Before` describe.

    Raises:
        Refused: for a bad date, an end without a beginning, for a count also a beginning without
            an end, or more than 31 days.
    """
    after, before = (_stamp(params, f"{name}{side}") for side in ("After", "Before"))
    if after is None and before is None:
        return None
    if of_count and before is None and config.lone_count_bounds == "refused":
        message = f"{name}After needs {name}Before"
        raise Refused(message)
    if after is None:
        message = f"{name}Before needs {name}After"
        raise Refused(message)
    if before is not None and before - after > LONGEST_SPAN:
        message = f"{name}After and {name}Before may be at most one month apart"
        raise Refused(message)
    return _span(after, before, config, local, "order")


def between(
    params: dict[str, Any],
    resource: str,
    first: str,
    last: str | None,
    config: SandboxConfig,
    local: LocalTime | None = None,
) -> Span | None:
    """The range between two filters, either side of it open, without a longest length.

    Without `local` it is one of dates, which have no instants.

    Raises:
        Refused: for a bad date.
    """
    after, before = _stamp(params, first), None if last is None else _stamp(params, last)
    if after is None and before is None:
        return None
    return _span(after, before, config, local, resource)


def _span(
    after: int | None,
    before: int | None,
    config: SandboxConfig,
    local: LocalTime | None,
    resource: str,
) -> Span:
    instants = config.filter_time == "instant" and local is not None
    if instants and local is not None:
        after, before = (None if each is None else local.instant(each) for each in (after, before))
    bounds = config.bounds
    if bounds == "documented":
        bounds = WORDED.get(resource, "open")
    after_in, before_in = bounds in LOWER_IN, bounds in UPPER_IN
    return Span(after, before, after_in, before_in, instants)


def _integer(name: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and WHOLE.fullmatch(value):
        return int(value)
    message = f"Invalid value for {name}"
    raise Refused(message)


def _stamp(params: dict[str, Any], name: str) -> int | None:
    if name not in params:
        return None
    try:
        return parse_stamp(params[name])
    except ValueError as error:
        message = f"Invalid date for {name}, expected YYYY-MM-DD HH:MM:SS"
        raise Refused(message) from error
