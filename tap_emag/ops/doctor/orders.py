"""Checks how eMAG answers requests for orders: what no document settles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from tap_emag.api.client import PAGE_SIZE
from tap_emag.errors import ContractError, ForbiddenError, NotThereError
from tap_emag.formatting import duration
from tap_emag.ops.doctor.samples import second_in, shape, shapes, sort_of, span_between
from tap_emag.readers.calendar import DAY, Calendar, text_of
from tap_emag.readers.page_size import SMALLEST
from tap_emag.readers.window_reader import type_of
from tap_emag.schema.identity import rows_with
from tap_emag.schema.keys import integer_or_none
from tap_emag.settings.account import Account
from tap_emag.streams.orders.rows import order_rows
from tap_emag.streams.orders.volumetry_rows import MARKS, volumetry_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.ops.doctor.answer import Answer
    from tap_emag.ops.doctor.prober import Prober
    from tap_emag.ops.doctor.report import Report
    from tap_emag.ops.doctor.samples import Keys
    from tap_emag.schema.local_time import Clock
    from tap_emag.settings.settings import Settings

    Row = Mapping[str, Any]

TYPES: Final = (3, 2)  # sent by the seller, sent by eMAG
WINDOW: Final = 27 * DAY  # seconds; eMAG takes at most a month
SETTLED: Final = 600  # seconds before the present at which windows end
RECENT: Final = 3600  # seconds; a wrong zone is off by at least that
AHEAD: Final = 14 * 3600  # seconds; no zone is further from UTC
TOLERATED: Final = 120  # seconds by which an order may be stamped later than `Date`
DOUBTED: Final = 300.0  # seconds between two clocks, with which no zone can be judged
EXPECTED: Final = 60  # rows in the span that bounds are tried with
LARGE_PAGE: Final = 1000  # rows, as prose of the documentation allows
LAST_PAGE: Final = 65_535
LONG_AGO: Final = "2000-01-01 00:00:00"
LUCK: Final = 0.01  # chance to miss a type in a sample, below which its absence counts
UNDOCUMENTED: Final = (
    "flags",
    "reason_cancellation",
    "cancellation_request",
    "details",
    "parent_id",
)


@dataclass
class OrderChecks:
    """The checks of orders; `sample` are the orders of one reply, for other checks."""

    report: Report
    prober: Prober
    settings: Settings
    clock: Clock
    keys: Keys
    sample: list[dict[str, Any]]

    def run(self) -> None:
        """Send up to eleven requests."""
        self._calendar = Calendar(self.settings.timezone)
        end = self._calendar.cut_before(self._now() - SETTLED)
        window = _bounds(end - WINDOW, end)
        counted = {kind: self.prober.count("order", {"type": kind, **window}) for kind in TYPES}
        numbers = {kind: answer.number for kind, answer in counted.items()}
        both = self.prober.count("order", window)
        read = self.prober.read("order", window)
        if not self.report.answered("order", read):
            return
        self.sample = read.rows
        self._reachable(numbers, counted[TYPES[0]])
        kind = 2 if (numbers[2] or 0) > (numbers[3] or 0) else 3
        self._zone(kind)
        self._default_of_reads(numbers)
        self._default_of_counts(numbers, both)
        self._sort()
        self._page(both.number, numbers)
        of_kind = [row for row in self.sample if type_of(row) in (kind, None)]
        self._bounds(kind, of_kind, (numbers[kind] or len(of_kind)) / WINDOW)
        self._list_of_types(window, numbers)
        self._large_page({"type": kind, **window}, numbers[kind])
        self._long_span(kind, end, numbers[kind])
        self._last_page({"type": kind, **window})
        self._look_at_rows()

    def _now(self) -> int:
        return self._calendar.local(self.prober.now())

    def _reachable(self, numbers: Mapping[int, int | None], count: Answer) -> None:
        if any(number is None for number in numbers.values()):
            self.report.ok("order", f"readable: {len(self.sample)} orders on one page")
            if count.error:
                self.report.answered("order/count", count)
            else:
                self.report.warn("order/count", "a reply has no `noOfItems`", "open an issue")
            return
        found = ", ".join(f"{numbers[kind]:,} of type {kind}" for kind in TYPES)
        days = WINDOW // DAY
        self.report.ok("order", f"readable: {found} changed in {days} days")

    def _zone(self, kind: int) -> None:
        """Compare the newest `modified` with eMAG's own clock."""
        check, zone = "time zone", self.settings.timezone.key
        if abs(self.prober.ahead or 0) > DOUBTED:
            self.report.skip(check, "this machine's clock and eMAG's disagree, see `clock`")
            return
        now = self._now()
        answer = self.prober.read("order", {"type": kind, **_bounds(now - RECENT, now + AHEAD)})
        if not self.report.answered(check, answer):
            return
        stamps = [second_in(row, "modified") for row in (*answer.rows, *self.sample)]
        known = [stamp - now for stamp in stamps if stamp is not None]
        ahead = max(known, default=-AHEAD)
        span = duration(timedelta(seconds=abs(ahead)))
        if ahead > TOLERATED:
            self.report.fault(
                check,
                f"wrong: the newest order is {span} later than eMAG's clock shows in {zone}",
                "set `timezone` to the zone of the marketplace's clock, and open an issue",
            )
        elif ahead >= -RECENT:
            self.report.ok(check, f"{zone} is plausible: the newest order was changed {span} ago")
        else:
            self.report.skip(
                check,
                f"no order has changed within the last hour of {zone}; run again after one has",
            )

    def _default_of_reads(self, numbers: Mapping[int, int | None]) -> None:
        check, rows = "type: default of reads", self.sample
        there = sorted({kind for kind in map(type_of, rows) if kind in TYPES})
        missing = [kind for kind in TYPES if kind not in there]
        total = sum(number or 0 for number in numbers.values())
        if not rows or not there:
            self.report.skip(check, "there are no orders to see it by")
        elif not missing:
            self.report.ok(check, "both types: a read without `type` brings types 2 and 3")
        elif numbers[missing[0]] == 0:
            self.report.skip(check, f"there are orders of type {there[0]} only")
        elif numbers[missing[0]] and (1 - (numbers[missing[0]] or 0) / total) ** len(rows) < LUCK:
            self.report.ok(check, f"type {there[0]}: a read without `type` brings no other")
        else:
            self.report.skip(check, f"only type {there[0]} came, which may be by chance")

    def _default_of_counts(self, numbers: Mapping[int, int | None], both: Answer) -> None:
        check = "type: default of counts"
        if not self.report.answered(check, both):
            return
        self._which(check, numbers, both.number, "a count without `type`")

    def _list_of_types(self, window: Mapping[str, str], numbers: Mapping[int, int | None]) -> None:
        check = "type: a list"
        answer = self.prober.count("order", {"type": list(TYPES), **window})
        if isinstance(answer.error, ContractError) and not isinstance(answer.error, NotThereError):
            self.report.ok(check, "refused: a request has one type, as the tap's do")
        elif self.report.answered(check, answer):
            self._which(check, numbers, answer.number, "a count of types [3, 2]")

    def _which(
        self, check: str, numbers: Mapping[int, int | None], found: int | None, what: str
    ) -> None:
        """Report which types a count included, by the counts of each type."""
        three, two = (numbers[kind] for kind in TYPES)
        if three is None or two is None or found is None:
            self.report.skip(check, "counts do not answer")
        elif not two or not three or two == three:
            self.report.skip(check, f"{found:,} counted, {three:,} of type 3 and {two:,} of type 2")
        elif found == two + three:
            self.report.ok(check, f"both types: {what} includes types 2 and 3")
        elif found in (two, three):
            self.report.ok(check, f"type {3 if found == three else 2}: {what} includes no other")
        else:
            self.report.warn(
                check,
                f"{found:,} counted, but {three:,} of type 3 and {two:,} of type 2",
                "run the doctor again; if the numbers still disagree, open an issue",
            )

    def _sort(self) -> None:
        found = sort_of(self.sample, "id", "modified")
        if found is None:
            self.report.skip("sort order of orders", "too few orders to see it by")
        else:
            self.report.ok("sort order of orders", found)

    def _page(self, both: int | None, numbers: Mapping[int, int | None]) -> None:
        page_size(self.report, "page size of orders", len(self.sample), _least(both, numbers))

    def _bounds(self, kind: int, rows: list[dict[str, Any]], per_second: float) -> None:
        """Read and count from one order's time to another's: are the two included?"""
        check = "bounds of orders"
        pair = span_between(rows, "modified", per_second, EXPECTED, self._calendar)
        if pair is None:
            self.report.skip(check, "too few orders with different times")
            return
        filters = {"type": kind, **_bounds(*pair)}
        answer, count = self.prober.read("order", filters), self.prober.count("order", filters)
        if not self.report.answered(check, answer):
            return
        seconds = [second_in(row, "modified") for row in answer.rows]
        bounds(self.report, check, ("modifiedAfter", "modifiedBefore"), pair, seconds)
        if self.report.answered("count of orders", count):
            compare_count(self.report, "count of orders", count.number, len(answer.rows))

    def _large_page(self, filters: Mapping[str, Any], number: int | None) -> None:
        check = f"page of {LARGE_PAGE:,} orders"
        if (number or 0) <= PAGE_SIZE:
            self.report.skip(check, f"not more than {PAGE_SIZE} orders to see it by")
            return
        answer = self.prober.read("order", filters, size=LARGE_PAGE)
        if isinstance(answer.error, ContractError):
            self.report.ok(check, "refused; the tap asks for 100")
        elif self.report.answered(check, answer):
            self.report.ok(check, f"{len(answer.rows):,} of {number:,} came; the tap asks for 100")

    def _long_span(self, kind: int, end: int, number: int | None) -> None:
        check = "span beyond a month"
        bounds_ = {"modifiedAfter": LONG_AGO, "modifiedBefore": text_of(end)}
        answer = self.prober.count("order", {"type": kind, **bounds_})
        if isinstance(answer.error, ContractError):
            self.report.ok(check, "refused, as documented; the tap asks for 28 days at most")
        elif self.report.answered(check, answer):
            total = answer.number
            if total is None:
                self.report.skip(check, "counts do not answer")
            elif total < (number or 0):
                self.report.warn(
                    check,
                    f"accepted, but {total:,} counted: fewer than in a month",
                    "open an issue",
                )
            else:
                self.report.ok(check, f"accepted: {total:,} of type {kind} since 2000")

    def _last_page(self, filters: Mapping[str, Any]) -> None:
        check = f"page number {LAST_PAGE:,}"
        answer = self.prober.read("order", filters, page=LAST_PAGE)
        if isinstance(answer.error, ContractError):
            self.report.ok(check, "refused")
        elif self.report.answered(check, answer):
            if answer.rows:
                self.report.warn(
                    check, f"{len(answer.rows)} orders came: the number is ignored", "open an issue"
                )
            else:
                self.report.ok(check, "accepted, and empty")

    def _look_at_rows(self) -> None:
        account = Account(self.settings.marketplace, self.settings.account_type)
        self.keys.look(
            "order",
            self.sample,
            lambda row, note: order_rows(row, account, self.clock, TYPES[0], note),
        )
        found = [f"{key}: {text}" for key in UNDOCUMENTED if (text := shapes(self.sample, key))]
        if found:
            self.report.ok("shapes in orders", "; ".join(found))

    def volumetry(self) -> None:
        """Ask for the measures of one order's products, whose outer shape is not documented."""
        check = "order/volumetry"
        known = ((type_of(row), integer_or_none(row.get("id"))) for row in self.sample)
        kind, number = next((pair for pair in known if pair[1]), (None, None))
        if number is None:
            self.report.skip(check, "no order is known to ask for")
            return
        order = (kind or TYPES[0], number)
        body = {"order_id": number, "type": order[0]}
        answer = self.prober.ask("order/volumetry/read", body, bare=True)
        if isinstance(answer.error, ForbiddenError):
            self.report.warn(
                check, "eMAG refuses it to the user", "leave order_volumetry out of `select`"
            )
        elif isinstance(answer.error, NotThereError):
            self.report.ok(check, "not there: no such resource, or no measures of this order")
        elif isinstance(answer.error, ContractError):
            self.report.ok(check, "eMAG refuses the request for this order")
        elif self.report.answered(check, answer):
            self.report.ok(check, outer_shape(answer.body))
            account = Account(self.settings.marketplace, self.settings.account_type)
            self.keys.look(
                check,
                rows_with(answer.body, *MARKS),
                lambda row, note: volumetry_rows(row, account, order, "", note),
            )


def outer_shape(body: object) -> str:
    """Return the shape of a reply whose envelope is not documented."""
    if isinstance(body, dict) and "results" in body:
        return f"results: {shape(body['results'])}"
    return f"without an envelope: {shape(body)}"


def bounds(
    report: Report,
    check: str,
    names: tuple[str, str],
    pair: tuple[int, int],
    found: list[int | None],
) -> None:
    """Report whether rows at both bounds came, and none from outside of them."""
    early, late = pair
    stray = [each for each in found if each is not None and not early <= each <= late]
    if stray:
        report.fault(
            check,
            f"{len(stray)} of {len(found)} rows are from outside: the filters are ignored",
            "open an issue: the tap refuses to go on with such a reply",
        )
        return
    if len(found) >= PAGE_SIZE:
        report.skip(check, "too many rows between two times to see it by")
        return
    texts = [
        f"`{name}` {'includes' if bound in found else 'excludes'} its own time"
        for name, bound in zip(names, pair, strict=True)
    ]
    report.ok(check, f"{', '.join(texts)}; the tap asks for more on both sides")


def compare_count(report: Report, check: str, counted: int | None, came: int) -> None:
    """Report whether a count is the number of rows that came."""
    if counted is None:
        report.warn(check, "the reply has no `noOfItems`", "open an issue with this line")
    elif counted == came < PAGE_SIZE:
        report.ok(check, f"equal to the rows: {came}")
    elif came >= PAGE_SIZE:
        report.skip(check, f"{counted:,} counted; a page of {came} does not show them all")
    else:
        report.warn(
            check,
            f"{counted:,} counted, {came} came",
            "the tap notices and goes on without counts, with more requests; run the doctor again,"
            " and if they still differ, open an issue",
        )


def page_size(report: Report, check: str, came: int, there: int | None) -> None:
    """Report whether a page has as many rows as were asked for."""
    if came > PAGE_SIZE:
        report.ok(check, f"{came} rows, although {PAGE_SIZE} were asked for; the tap copes")
    elif came == PAGE_SIZE:
        report.ok(check, f"kept: {PAGE_SIZE} asked for, {came} came")
    elif there is None or there <= PAGE_SIZE:
        report.skip(check, f"{came} rows came: too few to see it by")
    elif came < SMALLEST:
        report.warn(
            check,
            f"{came} rows, although {PAGE_SIZE} were asked for and there are more",
            f"open an issue: the tap expects {SMALLEST} rows or more on a full page",
        )
    else:
        report.ok(check, f"{came} rows, although {PAGE_SIZE} were asked for; the tap copes")


def _bounds(after: int, before: int) -> dict[str, str]:
    return {"modifiedAfter": text_of(after), "modifiedBefore": text_of(before)}


def _least(both: int | None, numbers: Mapping[int, int | None]) -> int | None:
    """Return how many rows a read without type has at least to choose from."""
    known = [number for number in numbers.values() if number is not None]
    return min([both, max(known)]) if both is not None and known else both
