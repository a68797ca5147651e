"""Ranges of time read from a sandbox over HTTP, several windows and requests at once."""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.api.client import Page
from tap_emag.api.server_clock import ServerClock
from tap_emag.errors import ContractError, EmagError, TransientError
from tap_emag.readers import WindowReader
from tap_emag.readers import window_reader as line
from tap_emag.readers.calendar import DAY, LONGEST, Calendar, Window, text_of
from tap_emag.readers.parts import COUNT, ProvenWindow
from tap_emag.readers.window_proof import Look
from tap_emag.streams.orders.stream import TIME_FIELD
from tap_emag.watchdog import Watchdog
from tests.support.api import client_for, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ZONE = ZoneInfo("Europe/Bucharest")
CALENDAR = Calendar(ZONE)


def read(
    sandbox: Sandbox,
    days: float = 400,
    kind: int = 3,
    machine: Callable[[], datetime] | None = None,
    **settings: Any,  # noqa: ANN401
) -> list[ProvenWindow]:
    """Read the orders of one type of the last days, on a machine whose clock shows `machine`."""
    settings = {"max_concurrent_requests": 8, **settings}
    with client_for(sandbox, **settings) as client, threads(8) as executor:
        client.clock = ServerClock(machine) if machine else client.clock
        reader = WindowReader(client, TIME_FIELD, CALENDAR, executor, Watchdog(), 8)
        start = sandbox.clock.moment() - timedelta(days=days)
        after = CALENDAR.cut_before(CALENDAR.local(start))
        return list(reader.start(after, None, {"type": kind}))


def ids(sealed: list[ProvenWindow]) -> list[int]:
    return [int(row["id"]) for part in sealed for row in part.rows]


def true_ids(sandbox: Sandbox, kind: int = 3) -> list[int]:
    return sorted(key[1] for key in sandbox.world.order_keys() if key[0] == kind)


@pytest.mark.parametrize(
    "sort", ["id_asc", "id_desc", "modified_asc", "modified_desc", "arbitrary"]
)
@pytest.mark.parametrize("bounds", ["closed", "open", "half", "half_upper"])
def test_every_order_comes_once_in_order_of_time(sort: str, bounds: str) -> None:
    config = SandboxConfig(
        limits=False, orders=1500, history_days=300, sort=sort, bounds=bounds, seed=3
    )
    with Sandbox(config) as sandbox:
        sealed = read(sandbox)
        assert sorted(ids(sealed)) == true_ids(sandbox)
        times = [row["modified"] for part in sealed for row in part.rows]
        assert times == sorted(times)


def test_both_halves_of_the_repeated_hour_are_read() -> None:
    half = timedelta(minutes=30)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=timezone.utc)
    clock = datetime(2026, 10, 25, 6, tzinfo=timezone.utc)
    for filter_time in ("naive", "instant"):
        config = SandboxConfig(limits=False, orders=10, clock=clock, filter_time=filter_time)
        with Sandbox(config) as sandbox:
            for step in range(-4, 8):
                sandbox.world.burst(20, at=first + step * half)
            assert sorted(ids(read(sandbox, 3))) == [
                key[1]
                for key in sorted(sandbox.world.order_keys())
                if key[0] == 3 and clock - timedelta(days=3) < sandbox.world.order(key)["modified"]
            ]


def test_while_an_hour_is_lived_for_the_first_time_nothing_of_it_is_claimed() -> None:
    clock = datetime(2026, 10, 25, 0, 40, tzinfo=timezone.utc)
    with Sandbox(SandboxConfig(limits=False, orders=0, clock=clock)) as sandbox:
        sandbox.world.burst(5, at=clock - timedelta(minutes=20))
        early = read(sandbox, 1)
        assert ids(early) == []
        assert early[-1].window.bounds[1] == "2026-10-25 02:59:59"
        sandbox.clock.set(clock + timedelta(hours=2))
        assert len(ids(read(sandbox, 1))) == 5


def test_three_hundred_orders_in_one_second_are_all_read() -> None:
    with Sandbox(SandboxConfig(limits=False, orders=50, history_days=5)) as sandbox:
        sandbox.world.burst(300, at=sandbox.clock.moment() - timedelta(days=1))
        assert sorted(ids(read(sandbox, 10))) == true_ids(sandbox)


@pytest.mark.parametrize("count_mode", ["drifting", "stale", "broken"])
def test_counts_that_cannot_be_trusted_cost_requests_but_no_order(count_mode: str) -> None:
    config = SandboxConfig(limits=False, orders=900, history_days=100, count_mode=count_mode)
    with Sandbox(config) as sandbox:
        assert sorted(ids(read(sandbox, 120))) == true_ids(sandbox)


def test_orders_that_change_while_they_are_read_are_left_for_the_next_run() -> None:
    config = SandboxConfig(limits=False, orders=2000, history_days=60, changes_per_second=25)
    with Sandbox(config) as sandbox:
        sealed = read(sandbox, 70)
        sandbox.set(changes_per_second=0)
        until = sealed[-1].window.until
        got = {int(row["id"]): row["modified"] for part in sealed for row in part.rows}
        for key in sandbox.world.order_keys():
            modified = sandbox.world.order(key)["modified"]
            if key[0] == 3 and CALENDAR.local(modified) <= until:
                wall = modified.astimezone(ZONE).replace(tzinfo=None)
                assert got[key[1]] == str(wall)


def test_what_nobody_takes_is_not_read_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "ASIDE_ROWS", 300)
    config = SandboxConfig(limits=False, orders=3000, history_days=250, type2_share=0)
    with Sandbox(config) as sandbox, client_for(sandbox) as client, threads(4) as executor:
        reader = WindowReader(client, TIME_FIELD, CALENDAR, executor, Watchdog(), 4)
        start = CALENDAR.local(sandbox.clock.moment() - timedelta(days=260))
        untaken = reader.start(CALENDAR.cut_before(start), None, {"type": 3})
        before = -1
        while before != (before := len(list(sandbox.log))):
            time.sleep(1)
        assert before < 20  # of some forty
        assert sorted(ids(list(untaken))) == true_ids(sandbox)


def test_windows_that_there_is_no_room_for_are_counted_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(line, "OPEN_ROWS", 1400)
    monkeypatch.setattr(line, "WINDOW_ROWS", 600)
    config = SandboxConfig(limits=False, orders=6000, history_days=250, type2_share=0)
    with Sandbox(config) as sandbox, client_for(sandbox) as client, threads(4) as executor:
        reader = WindowReader(client, TIME_FIELD, CALENDAR, executor, Watchdog(), 4)
        start = CALENDAR.local(sandbox.clock.moment() - timedelta(days=260))
        windows = iter(reader.start(CALENDAR.cut_before(start), None, {"type": 3}))
        taken = [next(windows)]
        before = -1
        while before != (before := len(list(sandbox.log))):
            time.sleep(1)
        counted, begun = (
            {each.body.get("modifiedAfter") for each in sandbox.log if each.action == action}
            for action in ("count", "read")
        )
        assert 1 <= len(counted - begun - {None}) <= 2 * line.STARTED_AHEAD
        assert sorted(ids([*taken, *windows])) == true_ids(sandbox)


def test_first_pages_that_wait_for_others_take_no_room_of_theirs() -> None:
    with Sandbox(SandboxConfig(limits=False, orders=0, latency=0.1)) as sandbox:
        for months, orders in enumerate((150, 150, 150, 80, 80, 80, 80)):
            middle = sandbox.clock.moment() - timedelta(seconds=LONGEST * (months + 0.5))
            for step in range(orders):
                sandbox.world.burst(1, at=middle - timedelta(hours=step))
        with client_for(sandbox) as client, threads(8) as executor:
            client.count("order", {})  # so that the server's time is known, and no density
            reader = WindowReader(client, TIME_FIELD, CALENDAR, executor, Watchdog(), 8)
            after = CALENDAR.local(sandbox.clock.moment()) - 7 * LONGEST
            windows = reader.start(CALENDAR.cut_before(after), None, {"type": 3})
            assert sorted(ids(list(windows))) == true_ids(sandbox)


def test_a_first_page_does_not_wait_for_windows_that_there_is_no_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(line, "OPEN_ROWS", 5000)
    config = SandboxConfig(orders=0)
    with Sandbox(config) as sandbox, client_for(sandbox) as client, threads(1) as executor:
        reader = WindowReader(client, TIME_FIELD, CALENDAR, executor, Watchdog(), 1)
        pipeline = line.WindowPipeline(reader, 0, None, {})
        pipeline._most_rows = line.OPEN_ROWS
        oldest, proven, later = (
            pipeline._proof(Window(day * DAY, (day + 1) * DAY), expected)
            for day, expected in enumerate((50, 6000, 50))
        )
        oldest._asks.clear()
        oldest._look = Look(50, number=0, asked=0)  # only another page, or another look, proves it
        proven.result = ProvenWindow(proven.window, [])
        pipeline._proofs = [oldest, proven, later]
        readable = pipeline._readable()
        assert later not in readable
        assert oldest not in pipeline._waiting_looks(readable)  # so it is looked at again


@pytest.fixture
def pipeline() -> Iterator[line.WindowPipeline]:
    """The windows of a range of which nothing is known, and of which no reply is taken."""
    config = SandboxConfig(orders=0)
    with Sandbox(config) as sandbox, client_for(sandbox) as client, threads(4) as executor:
        reader = WindowReader(client, TIME_FIELD, CALENDAR, executor, Watchdog(), 4)
        yield line.WindowPipeline(reader, 0, None, {})


def test_first_requests_of_the_next_windows_come_before_pages(
    pipeline: line.WindowPipeline,
) -> None:
    begun, small, large, far = (
        pipeline._proof(Window(day * DAY, (day + 1) * DAY), expected)
        for day, expected in enumerate((2_000, 50, 2_000, 50))
    )
    begun._asks, begun.begun = deque(range(2, 21)), True
    pipeline._proofs = [begun, small, large, far]
    pipeline._most_rows = line.OPEN_ROWS
    pipeline._send()
    sent = [(ask.page, ask.bounds) for _, ask in pipeline._under_way.values()]
    assert sent == [
        *((1, small.window.bounds), (COUNT, large.window.bounds), (1, far.window.bounds)),
        (2, begun.window.bounds),
    ]


def test_a_window_counted_after_a_full_page_waits_for_room(pipeline: line.WindowPipeline) -> None:
    oldest, tried = (
        pipeline._proof(Window(day * DAY, (day + 1) * DAY), expected)
        for day, expected in enumerate((2_000, 10))
    )
    pipeline._proofs, pipeline._most_rows = [oldest, tried], 1_000
    ask = tried.next_ask()
    assert ask
    rows = [{"id": order, "modified": text_of(DAY + 1 + order)} for order in range(100)]
    taken = datetime(2026, 3, 1, tzinfo=timezone.utc)
    tried.paged(ask, Page(rows, taken), settled=10 * DAY)
    assert tried.wants_count
    assert tried in pipeline._readable()  # counted in any case
    tried.next_ask()
    tried.counted(3_900, settled=10 * DAY)
    assert tried not in pipeline._readable()


@pytest.mark.parametrize("days", [1, 20])
def test_a_first_window_of_unknown_density_is_not_split_by_late_rows(
    pipeline: line.WindowPipeline, days: int
) -> None:
    pipeline._goal = days * DAY
    pipeline._seam = pipeline._goal - 3600
    pipeline._plan()
    # A day is tried with one page, and one reply may prove what lies on both sides.
    assert pipeline._proofs[0].window.until == (pipeline._goal if days == 1 else pipeline._seam)


def test_nearly_every_request_brings_a_full_page() -> None:
    late, span = timedelta(hours=1), timedelta(days=181)
    config = SandboxConfig(limits=False, orders=20_000, history_days=180)
    with Sandbox(config) as sandbox, client_for(sandbox) as client, threads(8) as executor:
        reader = WindowReader(client, TIME_FIELD, CALENDAR, executor, Watchdog(), 8, late)
        after = CALENDAR.cut_before(CALENDAR.local(sandbox.clock.moment() - span))
        read = [ids(list(reader.start(after, None, {"type": kind}))) for kind in (3, 2)]
        orders = sum(map(len, read))
        assert orders == 20_000
        # A month at most has a count, and a last page that is half full: 89 are possible. Pages of
        # the last hour and of large months take a few more at some times of the day.
        assert orders / len(list(sandbox.log)) >= 86


def test_nothing_new_takes_one_request() -> None:
    with Sandbox(SandboxConfig(limits=False, orders=0)) as sandbox:
        assert ids(read(sandbox, 1 / 24)) == []
        assert len(list(sandbox.log)) == 1


def test_a_machine_whose_clock_is_ahead_reads_up_to_the_servers_present() -> None:
    for off in (timedelta(days=3), timedelta(minutes=5)):
        clock = datetime.now(timezone.utc) - off
        with Sandbox(
            SandboxConfig(limits=False, orders=300, history_days=20, clock=clock)
        ) as sandbox:
            sealed = read(sandbox, 30)
            assert sorted(ids(sealed)) == true_ids(sandbox)
            present = CALENDAR.local(sandbox.clock.moment())
            assert present - 10 <= sealed[-1].window.until <= present - 2


def test_a_first_count_that_fails_does_not_leave_a_machine_that_is_ahead_to_decide() -> None:
    clock = datetime.now(timezone.utc) - timedelta(days=3)
    faults = {"order/count": "500"}
    config = SandboxConfig(
        limits=False, orders=300, history_days=20, clock=clock, resource_faults=faults
    )
    with Sandbox(config) as sandbox:
        sealed = read(sandbox, 30)
        assert sorted(ids(sealed)) == true_ids(sandbox)
        assert sealed[-1].window.until <= CALENDAR.local(sandbox.clock.moment()) - 2


def test_a_machine_whose_clock_is_behind_reads_up_to_its_own_present() -> None:
    with Sandbox(SandboxConfig(limits=False, orders=300, history_days=20)) as sandbox:
        sandbox.clock.advance(3 * DAY)
        late = sandbox.world.burst(20)
        sandbox.clock.advance(10)
        early = read(sandbox, 30)
        present = CALENDAR.local(datetime.now(timezone.utc))
        assert present - 10 <= early[-1].window.until <= present - 2
        assert sorted(ids(early)) == sorted(set(true_ids(sandbox)) - {key[1] for key in late})
        # Put right, it reads the rest.
        assert sorted(ids(read(sandbox, 30, machine=sandbox.clock.moment))) == true_ids(sandbox)


def test_faults_at_one_in_seven_lose_no_order() -> None:
    kinds = ["500", "502", "reset", "truncated", "html200", "429"]
    config = SandboxConfig(
        limits=False,
        orders=1200,
        history_days=200,
        faults=dict.fromkeys(kinds, 1 / 7 / len(kinds)),
        seed=5,
    )
    with Sandbox(config) as sandbox:
        sealed = read(sandbox, 220, retry_max_attempts=10)
        assert sorted(ids(sealed)) == true_ids(sandbox)


def test_a_failure_reaches_the_caller_and_ends_the_reading() -> None:
    with Sandbox(SandboxConfig(limits=False, orders=500, faults={"500": 1.0})) as sandbox:
        with pytest.raises(TransientError):
            read(sandbox, retry_max_attempts=2)
        asked = [request.resource for request in sandbox.log]
        # Whether all of the API fails is asked of two others; the reading itself goes no further.
        assert (asked.count("order"), len(asked)) == (2, 4)


def test_windows_before_a_failure_are_delivered() -> None:
    with Sandbox(SandboxConfig(limits=False, orders=3000, history_days=300)) as sandbox:
        delivered = 0
        with client_for(sandbox, retry_max_attempts=1) as client, threads(4) as executor:
            reader = WindowReader(client, TIME_FIELD, CALENDAR, executor, Watchdog(), 4)
            start = sandbox.clock.moment() - timedelta(days=310)
            line = reader.start(CALENDAR.cut_before(CALENDAR.local(start)), None, {"type": 3})
            try:
                for sealed in line:
                    delivered += len(sealed.rows)
                    sandbox.set(faults={"500": 1.0})
            except EmagError:
                assert delivered
            else:
                pytest.fail("the failure was not told")


def test_a_filter_that_is_ignored_is_an_error() -> None:
    # The sandbox ignores what it does not know, as the API does.
    with (
        Sandbox(SandboxConfig(limits=False, orders=300, history_days=30)) as sandbox,
        client_for(sandbox) as client,
        threads(2) as executor,
    ):
        reader = WindowReader(client, TIME_FIELD, CALENDAR, executor, Watchdog(), 2)
        misspelt = {"type": 3}
        original = client.read

        def without_times(resource: str, page: int, filters: Any) -> Page:  # noqa: ANN401
            return original(resource, page, {"type": filters["type"]})

        client.read = without_times  # type: ignore[assignment, method-assign]
        after = CALENDAR.cut_before(CALENDAR.local(sandbox.clock.moment() - timedelta(hours=1)))
        with pytest.raises(ContractError, match="filter was ignored"):
            list(reader.start(after, None, misspelt))
