"""Windows are sealed only when they were read whole, whatever moves and whatever the API chooses.

A small model of the API stands in for the network here, so that every interleaving of replies and
changes can be tried: it sorts as it likes, takes bounds as it likes, and orders are touched between
any two replies, which moves them to the present, out of every window.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_emag.api.client import PAGE_SIZE, Page
from tap_emag.errors import ContractError, UnsteadyError
from tap_emag.readers.calendar import Calendar, Window, second_of, text_of
from tap_emag.readers.count_reliability import MOST_DISAGREEMENTS, CountReliability
from tap_emag.readers.page_size import PageSize
from tap_emag.readers.parts import COUNT, Ask, ProvenWindow, Split
from tap_emag.readers.window_proof import WindowProof
from tap_emag.streams.orders.stream import TIME_FIELD

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

EXAMPLES = 10_000 if os.environ.get("TAP_EMAG_LONG") else 400
CALENDAR = Calendar(ZoneInfo("Europe/Bucharest"))
STARTS = [
    second_of(datetime(2026, 6, 1, 12)),  # noqa: DTZ001
    second_of(datetime(2026, 3, 29, 2, 30)),  # noqa: DTZ001 - before the hour that never was
    second_of(datetime(2026, 10, 25, 2, 30)),  # noqa: DTZ001 - before the hour that was twice
]
PRESENT = second_of(datetime(2027, 1, 1))  # noqa: DTZ001
TAKEN = datetime(2027, 1, 1, tzinfo=timezone.utc)
SORTS: dict[str, Callable[[tuple[int, int]], Any]] = {
    "by id": lambda row: row[0],
    "by id, newest first": lambda row: -row[0],
    "by time": lambda row: (row[1], row[0]),
    "by time, newest first": lambda row: (-row[1], row[0]),
    "arbitrary": lambda row: row[0] * 2654435761 % 2**32,
}
COUNTS: dict[str, Callable[[int], int | None]] = {
    "right": lambda rows: rows,
    "too low": lambda rows: max(0, rows - 97),
    "too low by one": lambda rows: max(0, rows - 1),
    "too high": lambda rows: rows + 97,
    "far too high": lambda rows: rows + 1000,
    "none": lambda _: None,
    "always nothing": lambda _: 0,
}


@dataclass
class Model:
    """Orders by id, each with the local second it was modified in."""

    orders: dict[int, int]
    sort: str
    closed: tuple[bool, bool]
    count: str
    touches: list[int] = field(default_factory=list)  # how many orders, before each reply
    moved: int = 0
    caps: list[int] = field(default_factory=lambda: [PAGE_SIZE])  # of pages, each in turn

    def __post_init__(self) -> None:
        self.still = dict(self.orders)  # what never moved while it was read

    def touch(self) -> None:
        """Let some orders be modified now."""
        for _ in range(self.touches.pop() if self.touches else 0):
            if self.still:
                order = sorted(self.still)[(self.moved * 7919) % len(self.still)]
                del self.still[order]
                self.orders[order] = PRESENT + self.moved
                self.moved += 1

    def matching(self, ask: Ask) -> list[tuple[int, int]]:
        after, before = (second_of(datetime.fromisoformat(text)) for text in ask.bounds)
        low, high = after + (not self.closed[0]), before - (not self.closed[1])
        rows = [(order, at) for order, at in self.orders.items() if low <= at <= high]
        return sorted(rows, key=SORTS[self.sort])

    def answer(self, proof: WindowProof, ask: Ask) -> None:
        self.touch()
        rows = self.matching(ask)
        if ask.page == COUNT:
            proof.counted(COUNTS[self.count](len(rows)), PRESENT)
            return
        cap = self.caps.pop(0) if len(self.caps) > 1 else self.caps[0]
        page = rows[(ask.page - 1) * cap : ask.page * cap]
        wire = [{"id": order, "modified": text_of(at)} for order, at in page]
        proof.paged(ask, Page(wire, TAKEN), PRESENT)


def read(
    model: Model, window: Window, count_reliability: CountReliability, choose: Callable[[int], int]
) -> list[ProvenWindow]:
    """Read a window to its end, answering the requests under way in any order."""
    proof = WindowProof(window, CALENDAR, count_reliability, TIME_FIELD)
    under_way: list[Ask] = []
    while proof.result is None:
        while (ask := proof.next_ask()) is not None:
            under_way.append(ask)
        assert under_way, "nothing is sealed and nothing is asked: it would hang"
        model.answer(proof, under_way.pop(choose(len(under_way))))
    if isinstance(proof.result, ProvenWindow):
        return [proof.result]
    return [
        sealed
        for part in proof.result.windows
        for sealed in read(model, part, count_reliability, choose)
    ]


MOST_REQUESTS = 3_000  # of a few windows of at most 1,200 rows, however small their pages


def read_beside(
    model: Model,
    windows: list[Window],
    count_reliability: CountReliability,
    choose: Callable[[int], int],
) -> list[ProvenWindow]:
    """Read windows at the same time, as the pipeline does; answer in any order."""
    proofs = [WindowProof(each, CALENDAR, count_reliability, TIME_FIELD) for each in windows]
    under_way: list[tuple[WindowProof, Ask]] = []
    for _ in range(MOST_REQUESTS):
        for proof in proofs:
            proof.confirm()
        proofs = [
            part
            for proof in proofs
            for part in (
                [
                    WindowProof(each, CALENDAR, count_reliability, TIME_FIELD)
                    for each in proof.result.windows
                ]
                if isinstance(proof.result, Split)
                else [proof]
            )
        ]
        for proof in proofs:
            while not proof.waits and (ask := proof.next_ask()):
                under_way.append((proof, ask))
        waiting = [proof for proof in proofs if proof.waits]
        if waiting and not under_way:
            largest = max(waiting, key=lambda proof: proof.rows)
            under_way += [(largest, ask) for ask in iter(largest.next_ask, None)]
        if under_way:
            model.answer(*under_way.pop(choose(len(under_way))))
        elif not waiting:
            break
    else:
        pytest.fail("it does not end")
    sealed = [proof.result for proof in proofs]
    assert all(isinstance(each, ProvenWindow) for each in sealed), "something was never asked"
    return [each for each in sealed if isinstance(each, ProvenWindow)]


steady = st.sampled_from([150, 99, 50, 20, 7]).map(lambda cap: [cap])
falling = st.builds(
    lambda cap, pages, low: [cap] * pages + [low],
    st.sampled_from([PAGE_SIZE, 99, 50]),
    st.integers(1, 40),
    st.sampled_from([99, 50, 20]),
).filter(lambda caps: caps[-1] < caps[0])
rising = st.builds(
    lambda cap, pages, high: [cap] * pages + [high],
    st.sampled_from([20, 50, 99]),
    st.integers(1, 40),
    st.sampled_from([50, 99, PAGE_SIZE, 150]),
).filter(lambda caps: caps[-1] > caps[0])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Model, Window]:
    start = draw(st.sampled_from(STARTS))
    span = draw(st.sampled_from([1, 2, 60, 7200, 86_400, 27 * 86_400]))
    edges = st.sampled_from([0, 1, 99, 100, 101, 199, 200, 201, 350, 900])
    number = draw(edges | st.integers(0, 400))
    burst = draw(st.sampled_from([0, 0, 99, 100, 300]))
    seconds = draw(
        st.one_of(
            st.just([start + 1 + number * 31 % span for number in range(number)]),
            st.just([start + 1 + number * 7919 % span for number in range(number)]),
        )
    )
    orders = dict(enumerate([*seconds, *[start + 1] * burst], start=1))
    # Neighbours on both sides of the window, which it must not claim.
    orders |= {10_000 + side: start + side for side in (0, -1, span + 1, span + 2)}
    model = Model(
        orders,
        draw(st.sampled_from(sorted(SORTS))),
        draw(st.tuples(st.booleans(), st.booleans())),
        draw(st.sampled_from(sorted(COUNTS))),
        draw(st.lists(st.integers(0, 3), max_size=30)),
        caps=draw(st.one_of(st.just([PAGE_SIZE]), steady, falling, rising)),
    )
    return model, Window(CALENDAR.cut_before(start), CALENDAR.cut_behind(start + span))


@settings(max_examples=EXAMPLES, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_every_order_that_stayed_is_sealed_once(world: tuple[Model, Window], dice: Random) -> None:
    model, window = world
    check(model, window, read(model, window, CountReliability(), dice.randrange))


@settings(max_examples=EXAMPLES, deadline=None)
@given(worlds(), st.integers(2, 5), st.randoms(use_true_random=False))
def test_windows_that_are_read_at_the_same_time_are_sealed_once(
    world: tuple[Model, Window], parts: int, dice: Random
) -> None:
    model, window = world
    remembered = dice.choice([0, model.caps[0]])
    count_reliability = CountReliability(pages=PageSize(remembered=remembered))
    windows = window.split(parts, CALENDAR)
    check(model, window, read_beside(model, windows, count_reliability, dice.randrange))


def check(model: Model, window: Window, sealed: list[ProvenWindow]) -> None:
    """Check that windows that were read have all orders that stayed, each once."""
    ends = [part.window.after for part in sealed] + [sealed[-1].window.until]
    assert (ends[0], ends[-1]) == (window.after, window.until)
    assert ends == sorted(ends)
    delivered = [row for part in sealed for row in part.rows]
    by_id = {row["id"]: row["modified"] for row in delivered}
    assert len(by_id) == len(delivered)
    for order, at in model.still.items():
        if window.claims(at):
            assert by_id[order] == text_of(at)
    keys = [(row["modified"], row["id"]) for row in delivered]
    assert keys == sorted(keys)
    assert all(window.claims(second_of(datetime.fromisoformat(at))) for at in by_id.values())


def asked(
    model: Model, window: Window, count_reliability: CountReliability | None = None
) -> tuple[list[ProvenWindow], int]:
    """Read quietly; return the sealed windows and how many requests that took."""
    requests = 0
    count_reliability = count_reliability or CountReliability()

    def go(window: Window, expected: float | None) -> list[ProvenWindow]:
        nonlocal requests
        proof = WindowProof(window, CALENDAR, count_reliability, TIME_FIELD, expected)
        while proof.result is None:
            ask = proof.next_ask()
            assert ask
            requests += 1
            model.answer(proof, ask)
        if isinstance(proof.result, ProvenWindow):
            return [proof.result]
        each = proof.result.rows / len(proof.result.windows)
        return [sealed for part in proof.result.windows for sealed in go(part, each)]

    return go(window, None), requests


def seasoned() -> CountReliability:
    """Return the trust of a run after one that has seen a full page."""
    return CountReliability(pages=PageSize(remembered=PAGE_SIZE))


def quiet(rows: int, span: int, count: str = "right") -> tuple[Model, Window]:
    start = STARTS[0]
    orders = {number: start + 1 + number * span // max(1, rows) for number in range(rows)}
    return Model(orders, "arbitrary", (True, True), count), Window(start, start + span)


def test_a_window_with_nothing_new_takes_one_request() -> None:
    model, window = quiet(0, 3600)
    sealed, requests = asked(model, window)
    assert ([part.rows for part in sealed], requests) == ([[]], 1)


def look_at(rows: int, count_reliability: CountReliability) -> WindowProof:
    """Return a window of which a first page of so many rows has come."""
    window = Window(STARTS[0], STARTS[0] + 86_400)
    proof = WindowProof(window, CALENDAR, count_reliability, TIME_FIELD)
    assert numbers(proof) == [1]
    bring(proof, 1, range(rows))
    assert proof.waits
    return proof


def other(proof: WindowProof, rows: int) -> None:
    """Let a page of another window have so many rows."""
    pages = proof.count_reliability.pages
    pages.saw(pages.ask(), rows)
    proof.confirm()


def test_a_first_page_that_only_later_pages_had_more_rows_than_is_read_again_at_once() -> None:
    """The limit may have risen in between: the page may have had more rows, too."""
    proof = look_at(50, CountReliability())
    other(proof, 100)
    assert (proof.waits, numbers(proof)) == (False, [1])
    bring(proof, 1, range(50))  # a page before it had more rows, but none after it
    assert proof.look
    other(proof, 50)
    assert proof.look
    other(proof, 100)
    assert isinstance(proof.result, ProvenWindow)
    assert len(proof.result.rows) == 50


def test_a_first_page_is_read_again_with_the_rows_that_the_limit_had_hidden() -> None:
    proof = look_at(50, CountReliability())
    other(proof, 100)
    assert numbers(proof) == [1]
    bring(proof, 1, range(75))
    other(proof, 100)
    assert isinstance(proof.result, ProvenWindow)
    assert len(proof.result.rows) == 75


def test_a_first_page_that_never_comes_twice_is_split_or_read_in_passes() -> None:
    """Its count says that it fits on one page, which would only be read once more."""
    model, window = quiet(95, 60)
    model.touches = [0, 0, *[1] * 7, 0]  # the last one is before the first reply
    sealed = read(model, window, CountReliability(), lambda _: 0)
    assert sum(len(part.rows) for part in sealed) == 95 - model.moved


def test_a_first_page_between_two_larger_ones_is_complete() -> None:
    proof = look_at(50, seasoned())
    other(proof, 51)
    assert isinstance(proof.result, ProvenWindow)


@pytest.mark.parametrize(("rows", "requests"), [(150, 3), (250, 4), (1000, 12), (2530, 27)])
def test_a_counted_window_takes_its_pages_and_one_request_more(rows: int, requests: int) -> None:
    model, window = quiet(rows, 20 * 86_400)
    sealed, took = asked(model, window)
    assert sum(len(part.rows) for part in sealed) == rows
    assert took == requests


@pytest.mark.parametrize(("rows", "first"), [(30, 1), (67, 1), (68, COUNT), (149, COUNT)])
def test_a_month_that_may_not_fit_one_page_is_counted(rows: int, first: int) -> None:
    window = Window(STARTS[0], STARTS[0] + 26 * 86_400)
    proof = WindowProof(window, CALENDAR, seasoned(), TIME_FIELD, expected=rows)
    assert numbers(proof) == [first]


def counted(count: int, count_reliability: CountReliability | None = None) -> WindowProof:
    """Return the proof of a long window that eMAG has counted."""
    window = Window(STARTS[0], STARTS[0] + 20 * 86_400)
    proof = WindowProof(window, CALENDAR, count_reliability or seasoned(), TIME_FIELD)
    assert numbers(proof) == [COUNT]
    proof.counted(count, PRESENT)
    return proof


def numbers(proof: WindowProof) -> list[int]:
    """Send all that can be sent; return the numbers of the pages."""
    return [ask.page for ask in iter(proof.next_ask, None)]


def bring(proof: WindowProof, page: int, orders: range) -> None:
    """Answer with orders of these numbers."""
    wire = [{"id": order, "modified": text_of(proof.window.after + 1 + order)} for order in orders]
    latest = proof.count_reliability.pages.asked
    proof.paged(Ask(page, proof.window.bounds, latest), Page(wire, TAKEN), PRESENT)


def test_the_last_page_is_read_before_all_others() -> None:
    proof = counted(250)
    # Early, so that the pages of other windows fill the pause.
    assert (proof.wants_start, numbers(proof)) == (True, [3])
    bring(proof, 3, range(200, 250))
    assert (proof.wants_start, numbers(proof)) == (False, [1, 2])


def test_rows_that_leave_after_they_were_read_cost_nothing() -> None:
    proof = counted(250)
    assert numbers(proof) == [3]
    bring(proof, 3, range(200, 250))
    assert numbers(proof) == [1, 2]
    bring(proof, 1, range(100))
    bring(proof, 2, range(101, 201))  # order 50 has left, so all others moved up
    assert isinstance(proof.result, Split), "order 100 slipped between the pages"
    proof = counted(250)
    assert numbers(proof) == [3]
    bring(proof, 3, range(200, 250))
    assert numbers(proof) == [1, 2]
    bring(proof, 2, range(100, 200))
    bring(proof, 1, range(100))  # orders left just after
    assert isinstance(proof.result, ProvenWindow)
    assert [row["id"] for row in proof.result.rows] == list(range(250))


@pytest.mark.parametrize("rows", [0, 49, 51, 100])
def test_a_count_unlike_the_last_page_costs_two_pages(rows: int) -> None:
    proof = counted(250)
    assert numbers(proof) == [3]
    bring(proof, 3, range(200, 200 + rows))
    assert numbers(proof) == [1]
    bring(proof, 1, range(100))
    assert isinstance(proof.result, Split)
    assert proof.count_reliability.counts == (rows < 50), "no row can enter a window"


def test_rows_that_leave_after_the_last_page_do_not_make_the_size_of_pages_doubtful() -> None:
    proof = counted(250)
    assert numbers(proof) == [3]
    bring(proof, 3, range(200, 250))
    assert numbers(proof) == [1, 2]
    bring(proof, 1, range(100))
    bring(proof, 2, range(151, 250))  # 51 orders of page 1 have left
    assert isinstance(proof.result, Split)
    assert proof.result.unsteady
    assert proof.count_reliability.disagreements == 1
    assert proof.count_reliability.pages.remembered == PAGE_SIZE


def test_a_last_page_that_disagrees_since_pages_are_smaller_makes_no_count_wrong() -> None:
    proof = counted(150)
    assert numbers(proof) == [2]
    bring(proof, 2, range(80, 150))
    assert numbers(proof) == [1]
    bring(proof, 1, range(80))
    assert numbers(proof) == [1], "the size of pages is measured"
    assert proof.count_reliability.counts


def test_as_many_orders_as_counted_prove_nothing_if_the_last_page_disagrees() -> None:
    proof = counted(120)
    assert numbers(proof) == [2]
    bring(proof, 2, range(100, 150))
    assert numbers(proof) == [1]
    bring(proof, 1, range(30, 130))  # in another order, so that 30 come twice
    assert isinstance(proof.result, Split)
    assert not proof.count_reliability.counts, "no row can enter a window"


def test_a_window_that_a_count_proves_ends_the_disagreements_in_a_row() -> None:
    reliability = seasoned()
    for _ in range(MOST_DISAGREEMENTS - 1):
        proof = counted(250, reliability)
        assert numbers(proof) == [3]
        bring(proof, 3, range(200, 249))
        assert numbers(proof) == [1]
        bring(proof, 1, range(100))
    assert (reliability.disagreements, reliability.counts) == (MOST_DISAGREEMENTS - 1, True)
    proof = counted(150, reliability)
    assert numbers(proof) == [2]
    bring(proof, 2, range(100, 150))
    assert numbers(proof) == [1]
    bring(proof, 1, range(100))
    assert isinstance(proof.result, ProvenWindow)
    assert reliability.disagreements == 0


def test_a_page_between_the_size_asked_for_and_a_larger_one_is_no_full_page() -> None:
    larger = seasoned()
    larger.pages.learn(150)
    proof = counted(120, larger)
    assert numbers(proof) == [1]
    bring(proof, 1, range(120))
    assert numbers(proof) == [2]
    bring(proof, 2, range(0))
    assert numbers(proof) == [1]
    bring(proof, 1, range(120))
    assert isinstance(proof.result, ProvenWindow)
    assert len(proof.result.rows) == 120


def full_then_counted(count: int) -> WindowProof:
    """Return a proof whose first page was full, and whose count says otherwise."""
    window = Window(STARTS[0], STARTS[0] + 86_400)
    proof = WindowProof(window, CALENDAR, seasoned(), TIME_FIELD)
    assert numbers(proof) == [1]
    bring(proof, 1, range(100))
    assert numbers(proof) == [COUNT]
    proof.counted(count, PRESENT)
    assert numbers(proof) == [1]
    return proof


def test_rows_that_leave_after_a_full_page_do_not_make_counts_doubtful() -> None:
    proof = full_then_counted(97)
    bring(proof, 1, range(97))
    assert numbers(proof) == [1], "a longer time shows that pages can have more rows"
    bring(proof, 1, range(100))
    assert isinstance(proof.result, ProvenWindow)
    assert len(proof.result.rows) == 97
    assert proof.count_reliability.counts


def test_a_count_below_a_full_page_that_comes_twice_is_wrong() -> None:
    proof = full_then_counted(0)
    bring(proof, 1, range(100))
    assert numbers(proof) == [COUNT]
    proof.counted(0, PRESENT)
    assert not proof.count_reliability.counts


@pytest.mark.parametrize("limit", [20, 50, 97])
def test_a_wrong_count_that_equals_the_limit_of_a_page_costs_no_row(limit: int) -> None:
    model, window = quiet(97 + limit, 20 * 86_400, "too low")
    model.caps = [limit]
    sealed = read(model, window, CountReliability(), lambda _: 0)
    assert sum(len(part.rows) for part in sealed) == 97 + limit


def test_three_hundred_orders_in_one_second_are_counted_and_read() -> None:
    start = STARTS[0]
    model = Model(dict.fromkeys(range(300), start + 1), "by id", (False, False), "right")
    sealed, requests = asked(model, Window(start, start + 1))
    assert len(sealed[0].rows) == 300
    assert requests == 1 + 1 + 4  # a look, a count, and four pages, the last of them empty


def test_where_counts_are_of_no_use_short_replies_and_equal_passes_do() -> None:
    for count in ("none", "too low", "always nothing"):
        model, window = quiet(900, 20 * 86_400, count)
        sealed, _ = asked(model, window, CountReliability())
        assert sum(len(part.rows) for part in sealed) == 900


def test_a_second_that_never_holds_still_ends_with_an_error() -> None:
    start = STARTS[0]
    model = Model(
        dict.fromkeys(range(3000), start + 1), "by id", (True, True), "none", touches=[1] * 3000
    )
    with pytest.raises(UnsteadyError, match="kept changing"):
        asked(model, Window(start, start + 1))


def test_rows_from_elsewhere_mean_that_the_filter_was_ignored() -> None:
    proof = WindowProof(Window(1000, 2000), CALENDAR, CountReliability(), TIME_FIELD)
    ask = proof.next_ask()
    assert ask
    rows = [{"id": 1, "modified": text_of(5000)}]
    with pytest.raises(ContractError, match="filter was ignored"):
        proof.paged(ask, Page(rows, TAKEN), PRESENT)


@pytest.mark.parametrize("row", [{"id": 1, "modified": None}, {"modified": text_of(1500)}, {}])
def test_a_row_without_a_time_or_an_id_is_delivered_and_seals_its_window(
    row: dict[str, Any],
) -> None:
    proof = WindowProof(Window(1000, 2000), CALENDAR, seasoned(), TIME_FIELD)
    ask = proof.next_ask()
    assert ask
    proof.paged(ask, Page([row], TAKEN), PRESENT)
    assert proof.result == ProvenWindow(Window(1000, 2000), [row])


def test_a_window_never_claims_what_was_not_over_when_it_was_read() -> None:
    proof = WindowProof(Window(1000, 2000), CALENDAR, seasoned(), TIME_FIELD)
    ask = proof.next_ask()
    assert ask
    rows = [{"id": at, "modified": text_of(at)} for at in (1100, 1900)]
    proof.paged(ask, Page(rows, TAKEN), 1500)
    assert proof.result == ProvenWindow(Window(1000, 1500), rows[:1])


def test_a_count_made_before_its_window_was_over_is_made_again() -> None:
    long = Window(STARTS[0], STARTS[0] + 10 * 86_400)
    proof = WindowProof(long, CALENDAR, CountReliability(), TIME_FIELD)
    first = proof.next_ask()
    assert first
    assert first.page == COUNT
    proof.counted(500, long.until - 3600)
    again = proof.next_ask()
    assert again
    assert again.page == COUNT
    assert again.bounds < first.bounds
    assert proof.window.until == long.until - 3600


def test_a_window_of_which_nothing_is_over_yet_is_empty() -> None:
    long = Window(STARTS[0], STARTS[0] + 10 * 86_400)
    proof = WindowProof(long, CALENDAR, CountReliability(), TIME_FIELD)
    assert proof.next_ask()
    proof.counted(500, long.after - 3600)
    assert proof.result == ProvenWindow(Window(long.after, long.after), [])


def test_a_large_window_is_split_by_its_count() -> None:
    proof = WindowProof(
        Window(STARTS[0], STARTS[0] + 10 * 86_400), CALENDAR, CountReliability(), TIME_FIELD
    )
    assert proof.next_ask()
    proof.counted(10_000, PRESENT)
    assert isinstance(proof.result, Split)
    assert len(proof.result.windows) == 5
    assert not proof.result.unsteady


def test_the_present_of_the_model_is_the_present_of_its_pages() -> None:
    assert CALENDAR.local(TAKEN - timedelta(hours=2)) == PRESENT
