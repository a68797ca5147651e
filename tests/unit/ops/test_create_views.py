"""`emag-ops create-views`: all views or none, with what was loaded, and views of others stay."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tap_emag.ops.tables.declared import Selection, declared_tables
from tap_emag.ops.tables.prepare import Preparation
from tap_emag.ops.views.compiled import MARTS, definitions
from tap_emag.ops.views.install import Installation, ViewsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emag_sandbox.postgres.server import Postgres
    from tap_emag.ops.views.compiled import Definition
    from tap_emag.ops.views.install import Outcome

ROLES = Path(__file__).parents[3] / "deploy/postgres/warehouse.sql"
ORDER = """
INSERT INTO emag.orders (marketplace, account_type, type, id, status, date, modified, customer)
VALUES ('emag_ro', 'main', 3, 1, 4, now(), now(), '{"name": "Demo"}')
"""

SYNC = """
INSERT INTO emag.syncs (
  marketplace, account_type, run_id, stream, started, ended, state, complete
)
VALUES ('emag_ro', 'main', 'r', 'returns', now(), now(), 'failed', false),
  ('emag_ro', 'main', 'r', 'order_statuses', now(), now(), 'completed', true)
"""


@contextmanager
def session(database: Postgres, user: str | None = None) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        if user:
            role = sql.Identifier(user)
            connection.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(role))
        yield connection


def prepare(database: Postgres, *patterns: str, user: str | None = None) -> None:
    with session(database, user) as connection:
        selection = Selection(patterns or ("*.*",), {}, {})
        outcome = Preparation(connection, "emag", declared_tables([selection])).run()
        assert outcome.problems == []
        if not patterns:
            connection.execute(ORDER)


def create(
    database: Postgres, views: Sequence[Definition] | None = None, user: str | None = None
) -> Outcome:
    with session(database, user) as connection:
        given = definitions() if views is None else views
        return Installation(connection, "emag", declared_tables([]), given).run()


def value(database: Postgres, query: str, user: str | None = None) -> object:
    with session(database, user) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def test_all_views_are_created_and_show_the_rows(database: Postgres) -> None:
    prepare(database)
    outcome = create(database)
    assert outcome.left_out == []
    assert value(database, "SELECT order_key FROM emag_marts.fct_orders") == "emag_ro:main:3:1"
    assert value(database, "SELECT name FROM emag_staging.stg_emag__personal_data") == "Demo"
    meaning = "SELECT obj_description('emag_marts.fct_orders'::regclass)"
    assert str(value(database, meaning)).startswith("An order as it is now")
    assert create(database) == outcome


def test_what_was_not_loaded_is_left_out(database: Postgres) -> None:
    prepare(database, "orders.*", "order_lines.*")
    outcome = create(database)
    assert {"fct_returns", "dim_offers", "fct_voucher_splits"} <= {*outcome.left_out}
    assert {"fct_orders", "dim_accounts", "dim_dates"} <= {*outcome.created}
    assert value(database, "SELECT count(*) FROM emag_marts.dim_accounts") == 0
    prepare(database, "returns.*")
    assert "fct_returns" in create(database).created


def test_boards_over_a_view_that_changes_its_columns_stay(database: Postgres) -> None:
    prepare(database)
    views = definitions()
    [accounts] = [each for each in views if each.name == "dim_accounts"]
    shorter = replace(accounts, text=f"SELECT account_key FROM (\n{accounts.text}\n) AS t")
    create(database)
    role = f"board_{uuid4().hex[:8]}"
    with session(database) as connection:
        connection.execute(f"CREATE ROLE {role}")
        connection.execute(
            "CREATE VIEW public.board AS SELECT account_key FROM emag_marts.dim_accounts"
        )
        connection.execute(f"GRANT SELECT ON public.board, emag_marts.dim_accounts TO {role}")
        try:
            outcome = create(database, [shorter if each is accounts else each for each in views])
            assert outcome.restored == ["public.board"]
            assert value(database, "SELECT account_key FROM public.board") == "emag_ro:main"
            for view in ("public.board", "emag_marts.dim_accounts"):
                granted = f"SELECT has_table_privilege('{role}', '{view}', 'SELECT')"
                assert value(database, granted) is True
        finally:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")


def test_a_right_that_was_revoked_stays_revoked(database: Postgres) -> None:
    """The schema gives each new view rights of its own, as deploy/postgres/warehouse.sql does."""
    prepare(database)
    views = definitions()
    [accounts] = [each for each in views if each.name == "dim_accounts"]
    shorter = replace(accounts, text=f"SELECT account_key FROM (\n{accounts.text}\n) AS t")
    role = f"analyst_{uuid4().hex[:8]}"
    with session(database) as connection:
        connection.execute("CREATE SCHEMA emag_marts")
        connection.execute(f"CREATE ROLE {role}")
        given = f"IN SCHEMA emag_marts GRANT SELECT ON TABLES TO {role}"
        connection.execute(f"ALTER DEFAULT PRIVILEGES {given}")
        try:
            create(database)
            connection.execute(f"REVOKE SELECT ON emag_marts.dim_accounts FROM {role}")
            create(database, [shorter if each is accounts else each for each in views])
            for view, expected in (("dim_accounts", False), ("dim_dates", True)):
                granted = f"SELECT has_table_privilege('{role}', 'emag_marts.{view}', 'SELECT')"
                assert value(database, granted) is expected
        finally:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")


def test_a_table_that_was_read_and_is_empty_has_a_line_of_its_freshness(
    database: Postgres,
) -> None:
    prepare(database)
    create(database)
    with session(database) as connection:
        connection.execute(SYNC)
        query = "SELECT table_name, rows, is_complete FROM emag_marts.emag_freshness ORDER BY 1"
        lines = connection.execute(query).fetchall()
    assert lines == [("orders", 1, None), ("returns", 0, False)]


def test_nothing_is_changed_where_a_view_cannot_be_created(database: Postgres) -> None:
    prepare(database)
    *views, last = definitions()
    wrong = replace(last, text="SELECT no_such_column FROM {fct_orders} AS o")
    with pytest.raises(ViewsError, match=f"{last.name}.*no_such_column"):
        create(database, [*views, wrong])
    assert value(database, "SELECT to_regnamespace('emag_marts')") is None


def test_marts_that_dbt_has_built_are_left_alone(database: Postgres) -> None:
    prepare(database)
    with session(database) as connection:
        connection.execute("CREATE SCHEMA emag_marts")
        connection.execute("CREATE TABLE emag_marts.fct_orders (order_key text)")
    with pytest.raises(ViewsError, match="as dbt builds it"):
        create(database)


def test_an_empty_database_has_no_views(database: Postgres) -> None:
    with pytest.raises(ViewsError, match="load first"):
        create(database)


def test_columns_with_personal_data_can_be_dropped(database: Postgres) -> None:
    prepare(database)
    create(database)
    with session(database) as connection:
        connection.execute("ALTER TABLE emag.orders DROP COLUMN customer CASCADE")
        connection.execute("ALTER TABLE emag.orders DROP COLUMN observation CASCADE")
        query = "SELECT count(*) FROM pg_views WHERE schemaname IN ('emag_marts', 'emag_staging')"
        [(left,)] = connection.execute(query).fetchall()
        views = [each for each in definitions() if not each.is_seed]
        assert left == len(views) - 1  # but for the one that shows them
        # What is not selected is not created again, and the next job writes rows as before.
        chosen = Selection(("*.*", "!orders.customer", "!orders.observation"), {}, {})
        declared = declared_tables([chosen])
        assert Preparation(connection, "emag", declared).run().problems == []
        connection.execute("UPDATE emag.orders SET details = 'null'")
    create(database)
    assert value(database, "SELECT name FROM emag_staging.stg_emag__personal_data") is None
    assert value(database, "SELECT count(*) FROM emag_marts.fct_orders") == 1


def test_analysts_read_marts_and_no_personal_data(database: Postgres) -> None:
    text = ROLES.read_text(encoding="utf-8")
    names = {name: f"{name}_{uuid4().hex[:8]}" for name in ("emag_loader", "emag_reader")}
    names["emag_analyst"] = f"emag_analyst_{uuid4().hex[:8]}"
    for name, own in names.items():
        text = text.replace(name, own)
    loader, analyst, reader = (names[f"emag_{each}"] for each in ("loader", "analyst", "reader"))
    with session(database) as connection:
        connection.execute(text.encode())
        try:
            prepare(database, user=loader)
            create(database, user=loader)
            marts = [each.name for each in definitions() if each.schema == MARTS]
            for mart in marts:
                value(database, f"SELECT count(*) FROM emag_marts.{mart}", analyst)
                value(database, f"SELECT count(*) FROM emag_marts.{mart}", reader)
            value(database, "SELECT count(*) FROM emag_staging.stg_emag__products", reader)
            for place in (
                "emag.orders",
                "emag_staging.stg_emag__orders",
                "emag_staging.stg_emag__personal_data",
                "emag_staging.customer_salt",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    value(database, f"SELECT count(*) FROM {place}", analyst)
        finally:
            for role in names.values():
                connection.execute(f"DROP OWNED BY {role} CASCADE")
                connection.execute(f"DROP ROLE {role}")
