"""Whole lists read from a sandbox over HTTP, proven whole though rows join and leave."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.errors import UnsteadyError
from tap_emag.readers import ConcurrentRequests, Scan
from tap_emag.streams.products.stream import offer_id
from tap_emag.watchdog import Watchdog
from tests.stateful.events import WatchedLog
from tests.support.api import client_for, threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emag_sandbox import Request


@contextmanager
def scan_of(sandbox: Sandbox, **settings: Any) -> Iterator[Scan]:  # noqa: ANN401
    with client_for(sandbox, **settings) as client, threads(4) as executor:
        yield Scan(client, ConcurrentRequests(executor, Watchdog(), 4), "product_offer", offer_id)


def requests(sandbox: Sandbox) -> list[tuple[str, Any]]:
    return [(request.action, request.body.get("currentPage")) for request in sandbox.log]


@pytest.mark.parametrize("offers", [0, 1, 99, 100, 250])
def test_every_offer_is_seen_by_a_count_and_its_pages(offers: int) -> None:
    pages = max(offers // 100 + 1, 2 if offers else 1)
    with (
        Sandbox(SandboxConfig(limits=False, orders=0, offers=offers)) as sandbox,
        scan_of(sandbox) as scan,
    ):
        rows = [row for page in scan.read() for row in page.rows]
        assert len(rows) == offers
        assert scan.seen == set(sandbox.world.offer_ids())
        assert sorted(requests(sandbox)) == [
            ("count", None),
            *[("read", page) for page in range(1, pages + 1)],
        ]


def test_the_last_page_is_asked_for_when_all_others_are_back() -> None:
    config = SandboxConfig(limits=False, orders=0, offers=350, latency=0.2)
    with Sandbox(config) as sandbox, scan_of(sandbox) as scan:
        list(scan.read())
        log = list(sandbox.log)
        others = max(request.time + request.seconds for request in log[:-1])
        assert log[-1].body["currentPage"] == 4
        assert log[-1].time >= others - 0.05


@pytest.mark.parametrize("sort", ["id_asc", "id_desc", "arbitrary"])
def test_offers_that_join_or_leave_meanwhile_make_the_scan_repeat(sort: str) -> None:
    config = SandboxConfig(limits=False, orders=0, offers=350, sort=sort)
    with Sandbox(config) as sandbox, scan_of(sandbox) as scan:
        pages = scan.read()
        next(pages)
        sandbox.world.withdraw_offers(3)
        sandbox.world.add_offers(1)
        list(pages)
        assert scan.seen == set(sandbox.world.offer_ids())


def test_a_scan_that_never_agrees_fails() -> None:
    with (
        Sandbox(SandboxConfig(limits=False, orders=0, offers=150)) as sandbox,
        scan_of(sandbox) as scan,
    ):

        def read() -> None:
            for _ in scan.read():
                sandbox.world.add_offers(1)

        with pytest.raises(UnsteadyError, match="joined or left"):
            read()


@pytest.mark.parametrize("count_mode", ["broken", "stale"])
@pytest.mark.parametrize("offset", [-150, 3, 250])
def test_where_counts_are_of_no_use_two_equal_passes_do(count_mode: str, offset: int) -> None:
    config = SandboxConfig(
        limits=False, orders=0, offers=230, count_mode=count_mode, count_offset=offset
    )
    with Sandbox(config) as sandbox, scan_of(sandbox, retry_max_attempts=2) as scan:
        list(scan.read())
        assert scan.seen == set(sandbox.world.offer_ids())


def test_what_seems_gone_is_asked_for_again() -> None:
    with (
        Sandbox(SandboxConfig(limits=False, orders=0, offers=30)) as sandbox,
        scan_of(sandbox) as scan,
    ):
        list(scan.read())
        here = set(sandbox.world.offer_ids())
        there = min(here)
        sandbox.log.clear()
        assert scan.absent({there, 16_777_215}) == {16_777_215}
        assert len(list(sandbox.log)) == 2


def test_where_much_seems_gone_a_reading_takes_fewer_requests_than_asking() -> None:
    with (
        Sandbox(SandboxConfig(limits=False, orders=0, offers=130)) as sandbox,
        scan_of(sandbox) as scan,
    ):
        list(scan.read())
        assert not scan.asking_takes_longer({1, 2})
        assert scan.asking_takes_longer({1, 2, 3})


def test_an_empty_reading_that_disagrees_with_its_count_is_repeated() -> None:
    sandbox = Sandbox(SandboxConfig(limits=False, orders=0, offers=130))
    sandbox.log = log = WatchedLog()

    def arrived(request: Request) -> None:
        if request.action == "read":
            log.arrived = None
            sandbox.set(empty_next={"product_offer": 1})

    log.arrived = arrived
    with sandbox, scan_of(sandbox) as scan:
        list(scan.read())
        assert scan.seen == set(sandbox.world.offer_ids())
