"""One warehouse of three accounts on two marketplaces, built, changed, and built again."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from psycopg import sql

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.ops.report.answers import ask, questions
from tests.support.forked import forked
from tests.support.warehouse import Warehouse, executable
from tests.transform.expected import Account

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from decimal import Decimal

    from emag_sandbox.postgres.server import Postgres
    from tap_emag.ops.report.answers import Answer
    from tests.support.warehouse import Row

HERE = Path(__file__).parent
# In Bulgaria the currency changes with the year 2026.
NOW = datetime(2026, 2, 10, 12, 0, tzinfo=timezone.utc)
ACCOUNTS = (("emag_ro", "main"), ("emag_ro", "fbe"), ("emag_bg", "main"))
START = "2025-09-15"
MARTS = (
    *("dim_dates", "dim_accounts", "dim_offers", "dim_offers_history", "dim_customers"),
    *("fct_orders", "fct_order_lines", "fct_voucher_splits", "fct_returns", "fct_return_lines"),
    *("fct_invoices", "fct_invoice_lines", "fct_stock_days", "fct_buy_button_changes"),
    *("agg_daily_sales", "agg_monthly_settlement", "emag_freshness"),
)
# Versions of an offer that no shop has: day of February 2026 and hour; price, stock, rank, or None
# for a deletion. That of the second day equals the first one. Some arrive after a build.
GIVEN_ID = 999_001
GIVEN = (
    ((1, 10), (10, 5, 1)),
    ((3, 10), (12, 5, 2)),
    ((3, 15), (12, 0, 2)),
)
GIVEN_LATER = (
    ((2, 10), (10, 5, 1)),
    ((4, 9), (9, 7, 1)),
    ((6, 12), None),
    ((8, 12), (9, 7, 1)),
    ((9, 8), None),
)
# Rows that the loader had not written yet when the marts were built for the first time.
LATE = "order_id % 7 = 0 AND account_type = 'main'"

# Offers that live have a row for each day up to the present: a build after midnight has one more.
YESTERDAY = datetime.now(timezone.utc).date() - timedelta(days=1)


def settled(mart: str, rows: Iterable[Row]) -> Iterator[Row]:
    """Return the rows but for those of days that may have begun since the tests did."""
    return (row for row in rows if mart != "fct_stock_days" or row["local_date"] <= YESTERDAY)


@dataclass(frozen=True)
class Built:
    """What was true when the marts were built, and what they had then."""

    accounts: list[Account]
    marts: dict[str, list[Row]]
    statuses: dict[str, str]


@dataclass(frozen=True)
class Story:
    """The warehouse, as it was after each build.

    Attributes:
        warehouse: Where it all is.
        early: Built while lines of some orders had not arrived.
        changed: Built again, after these had arrived and the shops had changed.
        anew: The same, built from nothing.
    """

    warehouse: Warehouse
    early: Built
    changed: Built
    anew: Built


@pytest.fixture(scope="module")
def story(
    postgres: Postgres, meltano_plugins: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    name = f"tap_emag_test_{uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("warehouse")
    database = postgres.create_database(name)
    python = executable(meltano_plugins, "utilities", "dbt", "python")
    with ExitStack() as stack:
        dbt = stack.enter_context(forked("dbt_main", HERE, python=python))
        warehouse = Warehouse(database, meltano_plugins, folder, dbt)
        shops = [stack.enter_context(_shop(*account)) for account in ACCOUNTS]
        yield _told(warehouse, shops)
    postgres.drop_database(name)


@dataclass(frozen=True)
class Asked:
    """The answers to all questions, and what is true of the shops that they are about.

    Attributes:
        warehouse: Where the marts are.
        accounts: The shops, as they are now.
        offers_before: The offers of each shop when it was loaded for the first time.
        percents: The commission of each offer, in percent.
        answers: By the name of the question.
    """

    warehouse: Warehouse
    accounts: list[Account]
    offers_before: list[dict[int, Row]]
    percents: list[dict[int, Decimal | None]]
    answers: dict[str, Answer]


@pytest.fixture(scope="session")
def asked(
    postgres: Postgres, meltano_plugins: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asked]:
    """Three accounts, loaded, changed, loaded again, and built once."""
    name = f"tap_emag_test_{uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("questions")
    database = postgres.create_database(name)
    python = executable(meltano_plugins, "utilities", "dbt", "python")
    with ExitStack() as stack:
        dbt = stack.enter_context(forked("dbt_main", HERE, python=python))
        warehouse = Warehouse(database, meltano_plugins, folder, dbt)
        shops = [stack.enter_context(_shop(*each, extreme_amount=False)) for each in ACCOUNTS]
        yield _asked(warehouse, shops)
    postgres.drop_database(name)


def _asked(warehouse: Warehouse, shops: list[Sandbox]) -> Asked:
    _load(warehouse, shops, also=["commissions"])
    before = [{row["id"]: row for row in shop.world.offers()} for shop in shops]
    percents = [
        {number: shop.world.fee_book.commission(number)["value"] for number in offers}
        for shop, offers in zip(shops, before, strict=True)
    ]
    for shop in shops:
        shop.world.touch_orders(20)
        shop.world.place_order(date=None)
        for _ in range(4):
            shop.world.touch_offers(40)
        shop.world.withdraw_offers(2)
        shop.clock.advance(60)
    _load(warehouse, shops)
    warehouse.dbt("build")
    accounts = [
        Account.of(shop.world, *account) for shop, account in zip(shops, ACCOUNTS, strict=True)
    ]
    with warehouse.database.connect() as connection:
        answers = {each.name: ask(connection, "emag_marts", each) for each in questions()}
    return Asked(warehouse, accounts, before, percents, answers)


def _shop(marketplace: str, account_type: str, *, extreme_amount: bool = True) -> Sandbox:
    config = SandboxConfig(
        orders=200,
        offers=40,
        history_days=120,
        categories=12,
        localities=10,
        returns=25,
        clock=NOW,
        limits=False,
        marketplace=marketplace,
        seed=ACCOUNTS.index((marketplace, account_type)) + 1,
        line_edits="always",
        extreme_amount=extreme_amount,
    )
    return Sandbox(config)


def _told(warehouse: Warehouse, shops: list[Sandbox]) -> Story:
    _load(warehouse, shops)
    _give(warehouse, GIVEN)
    with warehouse.database.connect() as connection:
        # As if the loader had not come to these rows.
        for table in ("order_lines", "order_voucher_splits"):
            connection.execute(
                f"CREATE TABLE late_{table} AS SELECT * FROM emag.{table} WHERE {LATE}"
            )
            connection.execute(f"DELETE FROM emag.{table} WHERE {LATE}")
    early = _built(warehouse, shops, warehouse.meltano("dbt:build"))
    with warehouse.database.connect() as connection:
        for table in ("order_lines", "order_voucher_splits"):
            connection.execute(f"INSERT INTO emag.{table} SELECT * FROM late_{table}")
            connection.execute(f"DROP TABLE late_{table}")
    # As if an earlier version had loaded the rows: times get their zone beneath the marts' views.
    warehouse.meltano("emag-ops:prepare-tables")
    _give(warehouse, GIVEN_LATER)
    for shop in shops:
        shop.world.touch_orders(40)
        shop.world.retype_orders(4)
        shop.world.add_orders(6)
        shop.world.place_order(date=None)
        shop.world.touch_offers(8)
        shop.world.withdraw_offers(2)
        shop.clock.advance(60)
    _load(warehouse, shops)
    # A build that ended before its last fact, as one does whose database went away.
    warehouse.dbt("run", "--select", "int_orders_changed fct_voucher_splits fct_order_lines")
    changed = _built(warehouse, shops, warehouse.dbt("build"))
    anew = _built(warehouse, shops, warehouse.dbt("run", "--full-refresh"))
    return Story(warehouse, early, changed, anew)


def _give(
    warehouse: Warehouse,
    versions: tuple[tuple[tuple[int, int], tuple[int, int, int] | None], ...],
) -> None:
    with warehouse.database.connect() as connection:
        for (day, hour), values in versions:
            moment = datetime(2026, 2, day, hour, tzinfo=timezone.utc)
            row = {
                "marketplace": "emag_ro",
                "account_type": "main",
                "id": GIVEN_ID,
                "changed_at": moment,
                "_sdc_batched_at": datetime.now(timezone.utc),
            }
            if values:
                names = ("sale_price", "general_stock", "buy_button_rank")
                row |= {"status": 1, "currency": "RON", **dict(zip(names, values, strict=True))}
            table = "product_history" if values else "product_deletions"
            statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier("emag", table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join([sql.Placeholder()] * len(row)),
            )
            connection.execute(statement, list(row.values()))


def _load(warehouse: Warehouse, shops: list[Sandbox], *, also: Sequence[str] = ()) -> None:
    for shop, (marketplace, account_type) in zip(shops, ACCOUNTS, strict=True):
        warehouse.load(shop, marketplace, account_type, START, also=also)


def _built(warehouse: Warehouse, shops: list[Sandbox], statuses: dict[str, str]) -> Built:
    accounts = [
        Account.of(shop.world, *account) for shop, account in zip(shops, ACCOUNTS, strict=True)
    ]
    return Built(accounts, {name: warehouse.rows(name) for name in MARTS}, statuses)
