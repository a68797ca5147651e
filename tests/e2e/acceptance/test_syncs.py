"""Postgres has a row in `syncs` for what each run did, and for what became of its rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.acceptance.conftest import Place
    from tests.support.meltano_project import MeltanoProject

pytestmark = pytest.mark.meltano

NOW = datetime(2025, 11, 10, 12, 0, tzinfo=timezone.utc)
ORDERS = {"orders", "order_lines", "order_vouchers", "order_voucher_splits", "order_attachments"}
OFFERS = {"products", "product_history", "product_deletions"}
SELECT = ["order*.*", "!order_volumetry.*", "product*.*", "rejected_rows.*", "syncs.*"]
LOAD = ("tap-emag", "target-postgres")


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    config = SandboxConfig(orders=40, offers=12, history_days=60, clock=NOW, limits=False)
    with Sandbox(config) as shop:
        yield shop


def runs(place: Place) -> list[dict[str, tuple[Any, ...]]]:
    """Return what each run has stored, by stream, oldest run first."""
    query = (
        "SELECT run_id, stream, state, mode, complete, rows_written, rows_unchanged FROM emag.syncs"
        " ORDER BY min(started) OVER (PARTITION BY run_id), run_id"
    )
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    with place.database.connect() as connection:
        for run, stream, *rest in connection.execute(query):
            found.setdefault(run, {})[stream] = tuple(rest)
    return list(found.values())


def test_each_run_leaves_what_it_did(new_place: Callable[[], Place], shop: Sandbox) -> None:
    place = new_place()
    project = place.load(shop, _select=SELECT)
    counts = project.results.counts()
    (first,) = runs(place)
    assert first.keys() == ORDERS | OFFERS
    assert {each[:3] for each in first.values()} == {("completed", "full", True)}
    assert {name: each[3] for name, each in first.items()} == {n: counts[n] for n in first}
    with place.database.connect() as connection:
        query = "SELECT DISTINCT run_id, pg_typeof(started)::text FROM emag.syncs"
        [(run_id, kind)] = connection.execute(query).fetchall()
    assert kind == "timestamp with time zone"
    with closing(sqlite3.connect(place.folder / "meltano.db")) as meltano:
        [(known,)] = meltano.execute("SELECT run_id FROM runs").fetchall()
    assert str(UUID(str(known))) == run_id

    # A quiet run writes rows of `syncs`, and no others.
    begin = datetime.now(timezone.utc)
    place.load(shop, _select=SELECT, order_lookback_seconds=0)
    assert {n: rows for n, rows in project.results.counts(begin).items() if rows} == {"syncs": 8}
    _, quiet = runs(place)
    assert {each[3] for each in quiet.values()} == {0}
    assert quiet["products"] == ("completed", "incremental", True, 0, 12)

    # A run out of time stores its rows, too: the tap ends by itself, and the loader goes on.
    shop.set(latency=1.0)
    late = place.project(shop, _select=SELECT, sync_timeout_seconds=1, max_concurrent_requests=1)
    assert late.run(*LOAD, check=False).returncode != 0
    shop.set(latency=0.0)
    _, _, late_rows = runs(place)
    assert "timed_out" in {each[0] for each in late_rows.values()}
    assert not all(each[2] for each in late_rows.values())

    refuse(place, project, shop)


def refuse(place: Place, project: MeltanoProject, shop: Sandbox) -> None:
    """Let the loader fail at one table: in the end no row claims that the run was complete."""
    before = runs(place)
    with place.database.connect() as connection:
        connection.execute("ALTER TABLE emag.products ADD CONSTRAINT never CHECK (false) NOT VALID")
    shop.world.touch_offers(3)
    assert project.run(*LOAD, check=False).returncode != 0
    project.run("emag-ops:report-runs")
    rows = [row for run in runs(place)[len(before) :] for row in run.values()]
    assert not [row for row in rows if row[0] == "completed" or row[2]]
    assert runs(place)[: len(before)] == before
