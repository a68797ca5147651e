"""The real loader fills and keeps tables that `emag-ops prepare-tables` made or migrated."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.acceptance.comparison import differences
from tests.e2e.acceptance.truth import Truth
from tests.support.meltano_project import project_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emag_sandbox.postgres.server import Postgres
    from tests.e2e.acceptance.conftest import Place

pytestmark = pytest.mark.meltano

NOW = datetime(2025, 11, 10, 12, 0, tzinfo=timezone.utc)
LOAD = ("tap-emag", "target-postgres")
ZONED, BARE = "timestamp with time zone", "timestamp without time zone"
SHAPE = """
    SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
    WHERE table_schema = 'emag' ORDER BY table_name, ordinal_position
"""
KEYS = """
    SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'emag'::regnamespace AND contype = 'p' ORDER BY 1
"""
JSON_NULLS = "SELECT count(*) FROM emag.products WHERE doc_errors = 'null' OR extra = 'null'"


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    config = SandboxConfig(orders=60, offers=20, history_days=60, clock=NOW, limits=False)
    with Sandbox(config) as shop:
        yield shop


def shape(database: Postgres) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(SHAPE).fetchall()


def keys(database: Postgres) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(KEYS).fetchall()


def json_nulls(database: Postgres) -> tuple[Any, ...] | None:
    with database.connect() as connection:
        return connection.execute(JSON_NULLS).fetchone()


def zoned(columns: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(*each[:2], ZONED if each[2] == BARE else each[2], each[3]) for each in columns]


def equals(place: Place, shop: Sandbox) -> list[str]:
    tables = ["orders", "order_lines", "order_vouchers", "order_voucher_splits", "products"]
    return differences(place.database, Truth.of(shop.world), tables)


def test_tables_of_the_loader_are_migrated_to_what_is_created_before_the_first_row(
    new_place: Callable[[], Place], shop: Sandbox
) -> None:
    before, after = new_place(), new_place()
    project = before.project(shop)
    project.run(*LOAD)
    made = shape(before.database)
    assert {each[2] for each in made} >= {BARE}
    assert ZONED not in {each[2] for each in made}
    with before.database.connect() as connection:  # as loaders of earlier releases wrote it
        connection.execute("UPDATE emag.products SET extra = 'null' WHERE extra IS NULL")
    assert json_nulls(before.database) != (0,)

    after.project(shop).run("emag-ops:prepare-tables")
    created = shape(after.database)
    loaded = {each[0] for each in made}
    assert [each for each in created if each[0] in loaded] == zoned(made)
    assert [each for each in keys(after.database) if each[0].removeprefix("emag.") in loaded] == (
        keys(before.database)
    )

    result = project.run("emag-ops:prepare-tables")
    assert "times have a zone now in: " in result.output
    assert [each for each in shape(before.database) if each[0] in loaded] == zoned(made)
    assert json_nulls(before.database) == (0,)
    assert equals(before, shop) == []
    assert "times have a zone" not in project.run("emag-ops:prepare-tables").output


@pytest.mark.parametrize("use_copy", ["false", "true"])
def test_the_loader_keeps_zones_whatever_the_zone_of_its_session(
    new_place: Callable[[], Place], shop: Sandbox, use_copy: str
) -> None:
    place = new_place()
    folder = project_with(place.plugins, place.folder / "project")
    file = folder / "meltano.yml"
    text = file.read_text(encoding="utf-8")
    assert "PGTZ: UTC" in text
    file.write_text(text.replace("PGTZ: UTC", "PGTZ: Europe/Bucharest"), encoding="utf-8")
    project = replace(place, plugins=folder).project(shop)
    project.pipeline.environment["TARGET_POSTGRES_USE_COPY"] = use_copy
    for _ in range(2):  # the second run updates rows
        project.run("emag-ops:prepare-tables", *LOAD)
        found = shape(place.database)
        assert BARE not in {each[2] for each in found}
        assert json_nulls(place.database) == (0,)
        assert equals(place, shop) == []
        shop.world.touch_orders(5)
        shop.clock.advance(600)
