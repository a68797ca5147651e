"""With the block of `docs/personal-data.md` no personal value reaches the database."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.streams.codes.stream import CODE_LISTS
from tap_emag.tap import STREAMS
from tests.e2e.acceptance.comparison import differences, stored
from tests.e2e.acceptance.truth import Truth
from tests.support.meltano_project import MeltanoProject, project_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emag_sandbox.postgres.server import Postgres
    from tests.e2e.acceptance.conftest import Place
    from tests.e2e.acceptance.truth import Row

pytestmark = pytest.mark.meltano

PAGE = Path(__file__).resolve().parents[3] / "docs" / "personal-data.md"
NOW = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(minutes=5)
SALT = "a long random text"
# Where the sandbox's own company and eMAG's stand, whose invented bank and street customers share.
# Code lists are constants, and name countries and languages.
NOT_PERSONAL: dict[str, set[str] | None] = {
    **{stream.table.name: None for stream in CODE_LISTS},
    "addresses": None,
    "localities": None,
    "invoices": {"supplier", "supplier_cif", "customer", "customer_cif"},
    "customer_invoices": {"supplier", "supplier_cif"},
    "returns": {"return_address_snapshot"},
}
RETURN_WHO = """customer_name customer_company customer_phone customer_account_iban
    customer_account_bank customer_account_beneficiary pickup_country pickup_suburb pickup_city
    pickup_address pickup_zipcode observations"""
# Said of customers, yet no more than a word: F or M, RO, and the like.
LONG_ENOUGH = 4
SHORTEST_NUMBER = 8  # telephones are longer; postal codes and PINs are in any id by chance


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    config = SandboxConfig(
        orders=150,
        offers=6,
        returns=40,
        categories=4,
        localities=10,
        customer_invoices=20,
        invoices=4,
        history_days=60,
        clock=NOW,
        scalars="mixed",
    )
    with Sandbox(config) as shop:
        yield shop


@pytest.fixture(scope="module")
def place(new_place: Callable[[], Place], shop: Sandbox) -> Place:
    """Where the shop was loaded to, through a project that holds the block."""
    place = new_place()
    (given,) = block()["plugins"]["extractors"]
    folder = project_with(place.plugins, place.folder / "project", given)
    pipeline = MeltanoProject(
        place.folder,
        place.database,
        shop.url,
        plugins=folder,
        forked=place.forked,
        start_date=f"{NOW - timedelta(days=62):%Y-%m-%d}",
    )
    pipeline.pipeline.environment["EMAG_HASH_SALT"] = SALT
    pipeline.run("tap-emag", "target-postgres")
    return place


def block() -> dict[str, Any]:
    """Parse the block out of the page."""
    blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"))
    (found,) = (text for text in blocks if "stream_maps" in text)
    return cast("dict[str, Any]", yaml.safe_load(found))


def maps() -> dict[str, dict[str, str]]:
    return cast(
        "dict[str, dict[str, str]]",
        block()["plugins"]["extractors"][0]["config"]["stream_maps"],
    )


def test_every_column_that_is_told_to_be_personal_is_in_the_block() -> None:
    personal = {
        (stream.table.name, column.name)
        for stream in STREAMS
        for column in stream.table.columns
        if "ersonal data" in column.description
    }
    assert len(personal) > 15
    assert {(table, name) for table, name in personal if name not in maps().get(table, {})} == set()


def test_the_block_names_tables_and_columns_that_are_there() -> None:
    known = {
        stream.table.name: {column.name for column in stream.table.columns} for stream in STREAMS
    }
    unknown = {
        (table, name)
        for table, names in maps().items()
        for name in names
        if name not in known.get(table, ())
    }
    assert unknown == {("orders", "customer_key")}


def test_no_personal_value_is_anywhere_in_the_database(place: Place, shop: Sandbox) -> None:
    values = personal_values(shop)
    assert len(values) > 200
    found = [
        f"{table}.{column}: {value}"
        for table, column, text in cells(place.database)
        for value in values
        if value in text
    ]
    assert found[:20] == []


def test_the_search_would_find_them(place: Place, shop: Sandbox) -> None:
    with place.database.connect() as connection:
        connection.execute("CREATE TABLE emag.leak (what jsonb)")
        customer = next(order["customer"] for order in shop.world.orders() if order["customer"])
        kept = {name: customer[name] for name in ("name", "phone_1", "shipping_street")}
        connection.execute("INSERT INTO emag.leak VALUES (%s)", [json.dumps(kept)])
    texts = [text for table, _, text in cells(place.database) if table == "leak"]
    with place.database.connect() as connection:
        connection.execute("DROP TABLE emag.leak")
    values = personal_values(shop)
    assert all(any(value in values and value in text for text in texts) for value in kept.values())


def columns_of(place: Place, table: str) -> set[str]:
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
    with place.database.connect() as connection:
        return {str(row[0]) for row in connection.execute(query, [table])}


def test_dropped_columns_are_not_made(place: Place) -> None:
    for table, names in maps().items():
        columns = columns_of(place, table)
        dropped = {name for name, told in names.items() if told == "__NULL__"}
        assert columns.isdisjoint(dropped), table
        assert columns >= names.keys() - dropped, table


def test_hashes_are_those_of_the_values(place: Place, shop: Sandbox) -> None:
    orders = {(row["type"], row["id"]): row for row in shop.world.orders()}
    for row in stored(place.database, "orders"):
        customer = orders[row["type"], row["id"]]["customer"] or {}
        assert row["customer_key"] == hashed(customer.get("phone_1"))
    returns = {row["emag_id"]: row for row in shop.world.returns()}
    rows = stored(place.database, "returns")
    assert rows
    for row in rows:
        for name in ("customer_phone", "customer_account_iban"):
            assert row[name] == hashed(returns[row["emag_id"]][name])
    assert any(row["customer_account_iban"] for row in rows)


def test_all_else_is_loaded_as_ever(place: Place, shop: Sandbox) -> None:
    truth = Truth.of(shop.world)
    for table, names in maps().items():
        for row in truth.tables.get(table, {}).values():
            for name in names:
                row.pop(name, None)
    for row, order in zip(truth.tables["orders"].values(), shop.world.orders(), strict=True):
        row["customer_key"] = hashed((order["customer"] or {}).get("phone_1"))
    tables = ["orders", "order_lines", "order_attachments"]
    assert differences(place.database, truth, tables) == []


def hashed(value: str | None) -> str | None:
    return hashlib.sha256((SALT + value).encode()).hexdigest() if value else None


def personal_values(shop: Sandbox) -> set[str]:
    """Return what the shop knows of its customers, as texts."""
    found: set[str] = set()
    for order in shop.world.orders():
        found |= set(texts_of(order["customer"] or {}))
        found |= set(texts_of({"": order["observation"]}))
    for return_ in shop.world.returns():
        found |= set(texts_of({name: return_[name] for name in RETURN_WHO.split()}))
        found |= set(texts_of(return_["locker"]))
        found |= {line["observations"] for line in return_["products"] if line["observations"]}
    for invoice in shop.world.customer_invoices():
        found |= set(texts_of(invoice["customer"]))
    return {
        value
        for value in found
        if len(value) > (SHORTEST_NUMBER if value.isdigit() else LONG_ENOUGH)
    }


def texts_of(raw: Row) -> Iterator[str]:
    yield from (value for value in raw.values() if isinstance(value, str))


def cells(database: Postgres) -> Iterator[tuple[str, str, str]]:
    """Yield every value of every table as a text, with escapes of JSON undone by Postgres."""
    with database.connect() as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            passed = NOT_PERSONAL.get(table, set())
            if passed is None:
                continue
            rows = connection.execute(
                f'SELECT each.key, each.value FROM "{schema}"."{table}" AS t,'
                " jsonb_each_text(to_jsonb(t)) AS each WHERE each.value IS NOT NULL"
            )
            for column, text in rows:
                if column not in passed:
                    yield table, column, text
