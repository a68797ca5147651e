"""Tables get what the streams declare: created, migrated in place, and left alone when right."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

import psycopg
import pytest
from psycopg import sql

from tap_emag.ops.tables import prepare
from tap_emag.ops.tables.declared import Selection, declared_tables
from tap_emag.ops.tables.prepare import Outcome, Preparation
from tap_emag.tap import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emag_sandbox.postgres.server import Postgres
    from tap_emag.streams.base import EmagStream

ALL = Selection(("*.*",), {}, {})
NOON = datetime(2025, 7, 1, 12, tzinfo=timezone.utc)
KEYS = {"marketplace": "emag_ro", "account_type": "main", "type": 3, "id": 1}
# A part of what the loader made for an earlier version.
OLD = """
CREATE SCHEMA emag;
CREATE TABLE emag.orders (
  marketplace text, account_type text, type bigint, id bigint, date timestamp, modified timestamp,
  customer jsonb, details jsonb, extra jsonb, _sdc_batched_at timestamp,
  PRIMARY KEY (marketplace, account_type, type, id)
);
INSERT INTO emag.orders VALUES
  ('emag_ro', 'main', 3, 1, '2025-07-01 12:00', '2025-07-01 13:00', '{"a": 1}', 'null', 'null',
   '2025-07-02 00:00'),
  ('emag_ro', 'main', 3, 2, NULL, '2025-10-26 00:30', 'null', NULL, '{"x": null}', NULL);
CREATE TABLE emag.order_lines (
  marketplace text, account_type text, order_type bigint, order_id bigint, id bigint,
  order_modified timestamp, product_id bigint, extra jsonb,
  PRIMARY KEY (marketplace, account_type, order_type, order_id, id)
);
INSERT INTO emag.order_lines VALUES
  ('emag_ro', 'main', 3, 1, 7, '2025-07-01 13:00', 5, 'null');
"""


def run(database: Postgres, text: str) -> None:
    with database.connect() as connection:
        connection.execute(text.encode())


def rows(database: Postgres, query: str, *, zone: str = "UTC") -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        connection.execute(sql.SQL("SET TimeZone TO {}").format(zone))
        return connection.execute(query.encode()).fetchall()


@contextmanager
def preparation(
    database: Postgres,
    *selections: Selection,
    schema: str = "emag",
    metadata: bool = True,
    user: str | None = None,
) -> Iterator[Preparation]:
    declared = declared_tables(selections or [ALL], metadata=metadata)
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        if user:
            role = sql.Identifier(user)
            connection.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(role))
        yield Preparation(connection, schema, declared)


def prepared(database: Postgres, *selections: Selection, **how: Any) -> Outcome:  # noqa: ANN401
    with preparation(database, *selections, **how) as found:
        return found.run()


def lacking(database: Postgres) -> list[str]:
    with preparation(database) as found:
        return found.lacking()


def columns(database: Postgres, table: str, schema: str = "emag") -> dict[str, str]:
    query = (
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position"
    )
    with database.connect() as connection:
        return dict(connection.execute(query, [schema, table]).fetchall())


def tables(database: Postgres, schema: str = "emag") -> set[str]:
    query = "SELECT tablename FROM pg_tables WHERE schemaname = %s"
    with database.connect() as connection:
        return {str(name) for (name,) in connection.execute(query, [schema])}


def test_a_table_that_cannot_be_completed_keeps_no_other_from_being_created(
    database: Postgres,
) -> None:
    """One that was renamed keeps the names of its indexes."""
    prepared(database)
    with database.connect() as connection:
        connection.execute("ALTER TABLE emag.orders RENAME TO orders_before")
        connection.execute("DROP TABLE emag.products")
    [problem] = prepared(database).problems
    assert problem.startswith("emag.orders: ")
    assert {"orders", "products"} <= tables(database)
    assert columns(database, "orders")["date"] == "timestamp with time zone"


def test_every_table_is_created_with_its_key_and_a_zone_for_all_times(database: Postgres) -> None:
    assert prepared(database).problems == []
    key = """
        SELECT array_agg(attname ORDER BY place) FROM pg_index,
          unnest(indkey::int2[]) WITH ORDINALITY AS number(attnum, place)
          JOIN pg_attribute USING (attnum)
        WHERE indrelid = attrelid AND indisprimary AND attrelid = %s::regclass
    """
    with database.connect() as connection:
        for stream in STREAMS:
            name = stream.table.name
            found = columns(database, name)
            declared = [column.name for column in stream.table.columns]
            assert [each for each in found if not each.startswith("_sdc_")] == declared
            assert connection.execute(key, [f"emag.{name}"]).fetchone() == ([*stream.table.keys],)
            assert "timestamp without time zone" not in found.values()
    assert columns(database, "orders")["date"] == "timestamp with time zone"
    assert columns(database, "orders")["_sdc_batched_at"] == "timestamp with time zone"


def test_the_second_call_finds_nothing_to_do(database: Postgres) -> None:
    assert prepared(database).done == [f"tables created: {len(STREAMS)}"]
    assert lacking(database) == []
    assert prepared(database) == Outcome()


def test_what_the_loader_adds_is_left_out_where_it_adds_nothing(database: Postgres) -> None:
    prepared(database, metadata=False)
    assert not [name for name in columns(database, "orders") if name.startswith("_sdc_")]


def test_comments_and_indexes_are_there(database: Postgres) -> None:
    prepared(database)
    comments = rows(
        database,
        "SELECT obj_description('emag.orders'::regclass), col_description('emag.orders'::regclass,"
        " attnum) FROM pg_attribute WHERE attrelid = 'emag.orders'::regclass AND attname = 'id'",
    )
    meaning = "Number of the order. The same number may occur in two accounts."
    assert comments == [("An order, as it is now.", meaning)]
    missing = """
        SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'emag'::regnamespace AND relkind = 'r' AND attnum > 0
          AND col_description(attrelid, attnum) IS NULL
    """
    assert rows(database, missing) == []
    indexed = {name for (name,) in rows(database, "SELECT indexname FROM pg_indexes")}
    assert indexed >= {"orders_date_idx", "orders_modified_idx", "order_lines_product_id_idx"}


def test_the_key_of_a_child_begins_with_that_of_its_parent() -> None:
    """So the index of the key serves the join with the parent.

    A shipment is found by its reservation, and its key is eMAG's own.
    """
    for stream in STREAMS:
        parent = stream.parent_stream_type
        if parent and stream.table.name not in ("awbs", "awb_parcels"):
            above = cast("type[EmagStream]", parent).table.keys
            found = stream.table.keys[: len(above)]
            assert all(ours.endswith(theirs) for ours, theirs in zip(found, above, strict=True))


def test_json_null_becomes_null_and_all_else_stays(database: Postgres) -> None:
    prepared(database)
    insert = (
        "INSERT INTO emag.orders (marketplace, account_type, type, id, customer, details, flags)"
        " VALUES ('emag_ro', 'main', 3, 1, 'null', '{\"a\": null}', '[]')"
    )
    run(database, insert)
    shown = "SELECT customer, details::text, flags::text, extra FROM emag.orders"
    assert rows(database, shown) == [(None, '{"a": null}', "[]", None)]
    assert rows(database, "SELECT customer IS NULL FROM emag.orders") == [(True,)]
    run(database, "UPDATE emag.orders SET details = 'null', extra = 'null'")
    assert rows(database, "SELECT details IS NULL AND extra IS NULL FROM emag.orders") == [(True,)]


def test_a_column_that_is_dropped_stops_no_load(database: Postgres) -> None:
    prepared(database)
    run(database, "ALTER TABLE emag.orders DROP COLUMN customer CASCADE")
    insert = (
        "INSERT INTO emag.orders (marketplace, account_type, type, id, extra)"
        " VALUES ('emag_ro', 'main', 3, {}, 'null')"
    )
    run(database, insert.format(1))
    without = Selection(("*.*", "!orders.customer"), {}, {})
    assert prepared(database, without).problems == []
    run(database, insert.format(2))
    assert "customer" not in columns(database, "orders")
    assert rows(database, "SELECT count(extra) FROM emag.orders") == [(0,)]


def test_tables_of_an_earlier_version_keep_their_rows_and_get_zones(database: Postgres) -> None:
    run(database, OLD)
    assert lacking(database) == ["order_lines", "orders"]
    node = rows(database, "SELECT pg_relation_filenode('emag.orders')")
    outcome = prepared(database, ALL)
    assert outcome.problems == []
    assert outcome.done[1].startswith("times have a zone now in: order_lines, orders")
    found = rows(
        database, "SELECT id, date, modified FROM emag.orders ORDER BY id", zone="Asia/Tokyo"
    )
    summer, winter = datetime(2025, 7, 1, 13, tzinfo=timezone.utc), "2025-10-26T00:30:00+00:00"
    assert found == [(1, NOON, summer), (2, None, datetime.fromisoformat(winter))]
    nulls = (
        "SELECT customer::text, details IS NULL, extra::text, _sdc_batched_at::date::text"
        " FROM emag.orders ORDER BY id"
    )
    assert rows(database, nulls) == [
        ('{"a": 1}', True, None, "2025-07-02"),
        (None, True, '{"x": null}', None),
    ]
    assert rows(database, "SELECT extra IS NULL FROM emag.order_lines") == [(True,)]
    assert set(columns(database, "orders")) >= {"status", "flags", "_sdc_sequence"}
    # The rows were not written again for it: a large table is migrated at once.
    assert rows(database, "SELECT pg_relation_filenode('emag.orders')") == node
    assert prepared(database) == Outcome()


VIEWS = """
CREATE SCHEMA reporting;
CREATE VIEW emag.local AS
  SELECT o.*, (o.date AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Bucharest')::date AS local_day,
    to_jsonb(o.*) ->> 'date' AS shown
  FROM emag.orders AS o WHERE o.modified < (now() AT TIME ZONE 'UTC') - interval '1 day';
CREATE VIEW reporting.days AS
  WITH orders AS (SELECT local_day, count(*) AS n FROM emag.local GROUP BY local_day)
  SELECT orders.local_day, orders.n, '100 % {}' AS note FROM orders;
CREATE VIEW reporting.lines WITH (security_barrier = true) AS
  SELECT l.id, o.date, date_trunc('day', l.order_modified) AS day
  FROM emag.order_lines AS l JOIN emag.orders AS o ON o.id = l.order_id ORDER BY l.id;
CREATE MATERIALIZED VIEW reporting.kept AS SELECT id, date FROM emag.orders;
CREATE UNIQUE INDEX kept_id ON reporting.kept (id);
CREATE MATERIALIZED VIEW reporting.unfilled AS SELECT date FROM emag.orders WITH NO DATA;
COMMENT ON VIEW emag.local IS 'of a board';
COMMENT ON COLUMN emag.local.local_day IS 'in Bucharest';
"""
SHOWN = (
    "SELECT id, date, modified, local_day, shown FROM emag.local ORDER BY id",
    "SELECT * FROM reporting.days ORDER BY local_day",
    "SELECT * FROM reporting.lines",
    "SELECT * FROM reporting.kept ORDER BY id",
)
VIEW_COLUMNS = """
    SELECT attrelid::regclass::text, attname, format_type(atttypid, -1)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relkind IN ('v', 'm') AND relnamespace::regnamespace::text IN ('emag', 'reporting')
      AND attnum > 0
    ORDER BY 1, attnum
"""


@pytest.mark.parametrize("zone", ["UTC", "Europe/Bucharest"])
def test_views_show_the_same_as_before(database: Postgres, zone: str) -> None:
    run(database, OLD + VIEWS)
    before = [rows(database, query, zone=zone) for query in SHOWN]
    types = rows(database, VIEW_COLUMNS)
    assert before[0][0][3].isoformat() == "2025-07-01"
    outcome = prepared(database)
    assert outcome.problems == []
    assert outcome.done[-1].startswith("views that go on to show UTC without a zone: ")
    assert columns(database, "orders")["date"] == "timestamp with time zone"
    assert [rows(database, query, zone=zone) for query in SHOWN] == before
    assert rows(database, VIEW_COLUMNS) == types
    about = """
        SELECT obj_description('emag.local'::regclass), col_description('emag.local'::regclass,
            (SELECT attnum FROM pg_attribute
              WHERE attrelid = 'emag.local'::regclass AND attname = 'local_day')),
          (SELECT reloptions FROM pg_class WHERE oid = 'reporting.lines'::regclass),
          (SELECT indisunique FROM pg_index WHERE indrelid = 'reporting.kept'::regclass),
          (SELECT relispopulated FROM pg_class WHERE oid = 'reporting.unfilled'::regclass)
    """
    assert rows(database, about) == [
        ("of a board", "in Bucharest", ["security_barrier=true"], True, False)
    ]
    assert prepared(database) == Outcome()


def test_rights_and_owners_of_views_stay(postgres: Postgres, database: Postgres) -> None:
    names = ["boards", "reader", "other"]
    roles = {name: f"{name}_{database.database[-12:]}" for name in names}
    text = "".join(f'CREATE ROLE "{role}";' for role in roles.values()) + OLD + VIEWS
    text += """
        GRANT USAGE, CREATE ON SCHEMA reporting, emag TO "{boards}";
        GRANT SELECT ON ALL TABLES IN SCHEMA emag TO "{boards}";
        ALTER VIEW reporting.days OWNER TO "{boards}";
        GRANT SELECT ON reporting.days TO "{reader}" WITH GRANT OPTION;
        GRANT SELECT ON reporting.lines TO PUBLIC;
        GRANT SELECT (id) ON reporting.kept TO "{reader}";
        ALTER DEFAULT PRIVILEGES IN SCHEMA reporting GRANT SELECT ON TABLES TO "{other}";
    """.format(**roles)
    rights = """
        SELECT relname, relowner::regrole::text, given.grantee, given.privilege_type,
          given.is_grantable
        FROM pg_class, aclexplode(relacl) AS given
        WHERE relnamespace = 'reporting'::regnamespace AND given.grantee <> relowner
        UNION ALL
        SELECT relname, relowner::regrole::text, given.grantee, attname, given.is_grantable
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid, aclexplode(attacl) AS given
        WHERE relnamespace = 'reporting'::regnamespace
        ORDER BY 1, 3, 4
    """
    try:
        run(database, text)
        before = rows(database, rights)
        assert len(before) == 3
        assert prepared(database).problems == []
        assert rows(database, rights) == before
        assert (
            rows(database, "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'days'")[
                0
            ][0].strip('"')
            == roles["boards"]
        )
    finally:
        run(database, "".join(f'DROP OWNED BY "{role}" CASCADE;' for role in roles.values()))
        run(postgres, "".join(f'DROP ROLE IF EXISTS "{role}";' for role in roles.values()))


def test_a_view_that_cannot_be_kept_stops_the_migration_and_is_named(database: Postgres) -> None:
    run(database, OLD)
    run(
        database,
        "CREATE VIEW emag.grouped AS SELECT o.*, count(*) AS n FROM emag.orders AS o"
        " GROUP BY o.marketplace, o.account_type, o.type, o.id",
    )
    before = columns(database, "orders")
    outcome = prepared(database)
    assert len(outcome.problems) == 1
    assert "tables of an earlier version" in outcome.problems[0]
    assert columns(database, "orders") == before
    assert len(rows(database, "SELECT * FROM emag.grouped")) == 2
    assert "products" in tables(database), "new tables are created all the same"


def test_a_view_with_a_trigger_is_left_alone(database: Postgres) -> None:
    run(database, OLD)
    run(
        database,
        "CREATE VIEW emag.into AS SELECT id, date FROM emag.orders;"
        "CREATE FUNCTION emag.nothing() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER t INSTEAD OF INSERT ON emag.into FOR EACH ROW"
        " EXECUTE FUNCTION emag.nothing()",
    )
    (problem,) = prepared(database).problems
    assert "emag.into" in problem
    assert "drop this view" in problem
    assert len(rows(database, "SELECT FROM pg_trigger WHERE tgname = 't'")) == 1


def test_a_long_query_is_not_waited_for(
    database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "ATTEMPTS", 2)
    run(database, OLD)
    with database.connect() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM emag.orders")
        outcome = prepared(database)
        assert any(
            f"process {reader.info.backend_pid} of Postgres, role" in problem
            and "the next run tries again" in problem
            for problem in outcome.problems
        ), outcome
        assert columns(database, "orders")["date"] == "timestamp without time zone"
        assert reader.execute("SELECT count(*) FROM emag.orders").fetchone() == (2,)
    assert prepared(database).problems == []
    assert columns(database, "orders")["date"] == "timestamp with time zone"


def test_several_processes_prepare_one_schema_at_the_same_moment(database: Postgres) -> None:
    outcomes: list[Outcome] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(prepared(database))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.problems for outcome in outcomes] == [[]] * 4
    assert len(tables(database)) == len(STREAMS)


def test_another_schema_is_prepared_and_no_other_one(database: Postgres) -> None:
    run(database, OLD)
    assert prepared(database, schema='My "shop"').problems == []
    assert columns(database, "orders", 'My "shop"')["date"] == "timestamp with time zone"
    assert columns(database, "orders")["date"] == "timestamp without time zone"


def test_a_table_of_somebody_else_is_left_alone(database: Postgres) -> None:
    run(database, "CREATE SCHEMA emag; CREATE TABLE emag.orders (id bigint, date timestamp)")
    (problem,) = prepared(database).problems
    assert "emag.orders lacks key columns" in problem
    assert columns(database, "orders") == {"id": "bigint", "date": "timestamp without time zone"}


def test_what_somebody_has_changed_in_a_table_stays(database: Postgres) -> None:
    prepared(database)
    run(
        database,
        "ALTER TABLE emag.orders ADD COLUMN note text, ADD COLUMN noted_at timestamp,"
        " ALTER COLUMN status TYPE smallint, ALTER COLUMN cashed_cod TYPE double precision;"
        "DROP INDEX emag.orders_date_idx; CREATE INDEX mine ON emag.orders (date, id)",
    )
    assert prepared(database) == Outcome()
    found = columns(database, "orders")
    assert found["noted_at"] == "timestamp without time zone"
    assert (found["status"], found["cashed_cod"]) == ("smallint", "double precision")


def test_a_role_that_may_only_insert_is_told_once_and_needs_nothing_after_it(
    postgres: Postgres, database: Postgres
) -> None:
    role = f"loader_{database.database[-12:]}"
    try:
        run(database, OLD)
        run(
            database,
            f'CREATE ROLE "{role}"; GRANT USAGE ON SCHEMA emag TO "{role}";'
            f'GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA emag TO "{role}"',
        )
        problems = prepared(database, user=role).problems
        assert problems[0].startswith("another role owns order_lines, orders, and only it can")
        assert problems[1] == "missing tables: permission denied for schema emag"
        assert columns(database, "orders")["date"] == "timestamp without time zone"
        assert prepared(database).problems == []
        assert prepared(database, user=role) == Outcome()
    finally:
        run(database, f'DROP OWNED BY "{role}" CASCADE')
        run(postgres, f'DROP ROLE "{role}"')


MAPS: dict[str, Any] = {
    "orders": {
        "customer": "__NULL__",
        "customer_key": "sha256(config['salt'] + customer['phone_1']) if customer else None",
    },
    "products": {"__alias__": "offers"},
    "returns": "__NULL__",
}


def test_tables_are_those_that_selection_and_maps_leave(database: Postgres) -> None:
    selections = [
        Selection(("order*.*", "!order_volumetry.*"), MAPS, {}),
        Selection(("product*.*", "returns", "!products.images"), MAPS, {}),
    ]
    assert prepared(database, *selections).problems == []
    assert tables(database) == {
        *("orders", "order_lines", "order_vouchers", "order_voucher_splits"),
        *("order_attachments", "order_statuses", "offers", "product_history"),
        "product_deletions",
    } | {name for name in tables(database) if name.startswith(("order_", "product_"))}
    assert not tables(database) & {"returns", "products", "order_volumetry", "vat_rates"}
    orders = columns(database, "orders")
    assert "customer" not in orders
    assert orders["customer_key"] == "text"
    offers = columns(database, "offers")
    assert offers["changed_at"] == "timestamp with time zone"
    assert "images" not in offers
    assert prepared(database, *selections) == Outcome()


def test_a_table_that_no_plugin_loads_any_more_is_migrated_too(database: Postgres) -> None:
    run(database, OLD)
    assert prepared(database, Selection(("products.*",), {}, {})).problems == []
    assert columns(database, "orders")["date"] == "timestamp with time zone"
    assert "flags" not in columns(database, "orders"), "it gets no new columns"
    assert tables(database) == {"orders", "order_lines", "products"}


@pytest.mark.parametrize(
    ("patterns", "selected"),
    [
        (("orders.id", "orders.customer.phone_1"), {"customer"}),
        (("orders",), None),
        (("*.*", "!orders"), set()),
        (("*.date",), {"date"}),
        (("!orders.*",), set()),
    ],
)
def test_patterns_select_as_meltano_selects(
    patterns: Sequence[str], selected: set[str] | None
) -> None:
    table = declared_tables([Selection(tuple(patterns), {}, {})], metadata=False)["orders"]
    if selected is None:
        assert table.loaded == {name for name in table.columns if not name.startswith("_sdc_")}
    else:
        assert table.loaded == (selected | KEYS.keys() if selected else set())


def test_a_map_that_is_wrong_is_left_to_the_tap() -> None:
    wrong = Selection(("orders.*",), {"orders": {"id": "__NULL__"}}, {})
    assert declared_tables([wrong])["orders"].loaded == set()
