"""One shipment or offer that eMAG refuses keeps no other away, this run or the next."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.errors import NoRouteError, SkippedItemsError, TransientError
from tap_emag.streams.single_items import UNANSWERED
from tests.support.pipeline import Pipeline, shop
from tests.support.pipeline import open_shipments as shipments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emag_sandbox import Sandbox

FAULTS = ["400", "422", "500", "503", "is_error", "no_envelope", "html200"]
every_fault = pytest.mark.parametrize("fault", FAULTS)
PAST = datetime.now(timezone.utc) - timedelta(days=20)  # no clock is ahead of this machine's
ATTEMPTS = 3
SETTINGS: dict[str, Any] = {"retry_max_attempts": ATTEMPTS, "breaker_failure_threshold": 5}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    knobs = {"orders": 300, "history_days": 40, "foreign_awb_share": 0.0}
    with shop(clock=PAST, offers=12, **knobs) as sandbox:
        sandbox.world.open_returns(40, at=PAST)
        sandbox.clock.advance(timedelta(days=2).total_seconds())
        yield sandbox


def shipping(folder: Path, sandbox: Sandbox) -> Pipeline:
    return Pipeline(folder, sandbox, "returns,awbs,awb_parcels", PAST - timedelta(days=1))


def read(pipeline: Pipeline) -> list[int]:
    return sorted(row["reservation_id"] for row in pipeline.rows("awbs"))


@every_fault
def test_shipments_that_are_refused_keep_no_other_away_and_come_later(
    tmp_path: Path, sandbox: Sandbox, fault: str
) -> None:
    every, pipeline = shipments(sandbox), shipping(tmp_path, sandbox)
    assert len(every) > 8
    bad = every[::2]
    sandbox.set(item_faults={f"awb/{one}": fault for one in bad})
    run = pipeline.run(**SETTINGS)
    assert isinstance(run.error, SkippedItemsError)
    assert f"awbs: {len(bad)} of {len(every)} could not be read" in str(run.error)
    assert run.code == 1
    assert read(pipeline) == sorted(set(every) - set(bad))
    # Again, and only these; one attempt each, since they failed before.
    assert pipeline.run(**SETTINGS).code == 1
    assert sorted(request.body["reservation_id"] for request in pipeline.asked("awb")) == bad
    sandbox.set(item_faults={})
    assert pipeline.run(**SETTINGS).code == 0
    assert read(pipeline) == every


# A reply without the envelope is all that the REST helper of commissions ever sends.
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "no_envelope"])
@pytest.mark.parametrize("stream", ["commissions", "smart_deals"])
def test_offers_that_are_refused_keep_no_other_away_and_come_later(
    tmp_path: Path, sandbox: Sandbox, stream: str, fault: str
) -> None:
    every = sorted(sandbox.world.offer_ids())
    bad, resource = every[:3], {"commissions": "commission"}.get(stream, "smart-deals-price-check")
    pipeline = Pipeline(tmp_path, sandbox, stream, PAST)
    sandbox.set(item_faults={f"{resource}/{one}": fault for one in bad})
    for _ in range(2):
        run = pipeline.run(**SETTINGS)
        assert isinstance(run.error, SkippedItemsError), run.log
        assert {row["id"] for row in pipeline.rows(stream)} == set(every[3:])
    sandbox.set(item_faults={})
    assert pipeline.run(**SETTINGS).code == 0
    assert {row["id"] for row in pipeline.rows(stream)} == set(every)


@pytest.mark.parametrize(
    ("stream", "resource"),
    [
        ("returns,awbs", "awb"),
        ("commissions", "commission"),
        ("smart_deals", "smart-deals-price-check"),
    ],
)
def test_a_route_that_is_missing_is_no_answer_about_an_item(
    tmp_path: Path, sandbox: Sandbox, stream: str, resource: str
) -> None:
    pipeline = Pipeline(tmp_path, sandbox, stream, PAST - timedelta(days=1))
    sandbox.set(resource_faults={resource: "404"})
    for _ in range(2):
        run = pipeline.run(**SETTINGS)
        assert isinstance(run.error, NoRouteError), run.log
    sandbox.set(resource_faults={})
    assert pipeline.run(**SETTINGS).code == 0
    name = stream.rpartition(",")[2]
    every = shipments(sandbox) if name == "awbs" else sandbox.world.offer_ids()
    assert len(list(pipeline.rows(name))) == len(every) > 0


def test_items_that_fail_share_the_pauses_and_open_no_breaker(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    every, pipeline = shipments(sandbox), shipping(tmp_path, sandbox)
    bad = every[:6]
    sandbox.set(item_faults={f"awb/{one}": "500" for one in bad})
    run = pipeline.run(**SETTINGS, retry_wait_min_seconds=0.1, max_concurrent_requests=1)
    assert isinstance(run.error, SkippedItemsError)
    assert "no requests for" not in run.log
    asked = [request.body["reservation_id"] for request in pipeline.asked("awb")]
    assert len(asked) <= len(every) - len(bad) + ATTEMPTS * len(bad) + 2 * ATTEMPTS
    pipeline.run(**SETTINGS)
    assert len(list(pipeline.asked("awb"))) <= len(bad) + 2 * ATTEMPTS


@every_fault
def test_a_run_in_which_every_item_fails_is_a_failed_one(
    tmp_path: Path, sandbox: Sandbox, fault: str
) -> None:
    every = shipments(sandbox)
    pipeline = Pipeline(tmp_path, sandbox, "returns,awbs,vat_rates", PAST - timedelta(days=1))
    sandbox.set(item_faults={f"awb/{one}": fault for one in every})
    for _ in range(2):
        run = pipeline.run(**SETTINGS)
        assert isinstance(run.error, SkippedItemsError)
        assert run.code == 1
        assert "returns: not read completely" in run.log
        assert len(list(pipeline.asked("awb"))) <= UNANSWERED + ATTEMPTS * max(20, len(every))
    assert len(list(pipeline.rows("returns"))) == len(sandbox.world.return_ids())
    assert list(pipeline.rows("vat_rates"))


def test_an_api_that_goes_down_meanwhile_is_waited_for_and_then_an_error(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    pipeline = shipping(tmp_path, sandbox)
    before = len(list(pipeline.run().messages()))
    assert before
    sandbox.world.touch_returns(40)
    number = len(list(pipeline.asked("rma")))
    sandbox.set(fail_next=["ok"] * (number + 4) + ["500"] * 200)
    run = pipeline.run(shipment_reread_seconds=0, **SETTINGS)
    assert isinstance(run.error, TransientError)
    asked = list(pipeline.asked("awb"))
    assert len(asked) < 60
    sandbox.set(fail_next=[])
    assert pipeline.run(shipment_reread_seconds=0).code == 0


def test_shipments_of_another_country_are_no_failure(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.set(foreign_awb_share=0.3)
    every, pipeline = shipments(sandbox), shipping(tmp_path, sandbox)
    foreign = [one for one in every if sandbox.world.foreign_awb(one)]
    assert foreign
    run = pipeline.run()
    assert run.code == 0
    assert f"shipment {foreign[0]} may be one of another country's marketplace" in run.log
    assert "api_url" not in run.log
    assert read(pipeline) == sorted(set(every) - set(foreign))
    assert pipeline.run().code == 0
    assert not list(pipeline.asked("awb"))
