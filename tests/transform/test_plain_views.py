"""The plain views show what dbt builds, row by row."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from psycopg import sql

from tap_emag.ops.tables.declared import declared_tables
from tap_emag.ops.views.compiled import definitions
from tap_emag.ops.views.install import Installation
from tests.transform.conftest import MARTS, settled

if TYPE_CHECKING:
    from tests.support.warehouse import Warehouse
    from tests.transform.conftest import Story

pytestmark = pytest.mark.meltano
# Columns that only a build has, or that differ from moment to moment.
APART = {"version", "checked_at"}


@pytest.fixture(scope="module")
def plain(story: Story) -> Warehouse:
    """The same tables in another schema, with plain views."""
    with story.warehouse.database.connect() as connection:
        connection.execute("CREATE SCHEMA plain")
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'emag'"
        for (name,) in connection.execute(query).fetchall():
            table = sql.Identifier(name)
            connection.execute(sql.SQL("CREATE TABLE plain.{0} AS TABLE emag.{0}").format(table))
        patch = pytest.MonkeyPatch()
        patch.setenv("EMAG_CUSTOMER_SALT", story.warehouse.dbt_settings()["EMAG_CUSTOMER_SALT"])
        outcome = Installation(connection, "plain", declared_tables([]), definitions()).run()
        patch.undo()
        assert {*MARTS} <= {*outcome.created}
    return story.warehouse


@pytest.mark.parametrize("mart", MARTS)
def test_a_plain_view_shows_what_dbt_builds(plain: Warehouse, story: Story, mart: str) -> None:
    ours, theirs = (
        Counter(
            tuple(sorted((name, str(row[name])) for name in row.keys() - APART))
            for row in settled(mart, rows)
        )
        for rows in (plain.rows(mart, schema="plain_marts"), story.anew.marts[mart])
    )
    assert ours - theirs == Counter()
    assert theirs - ours == Counter()
