"""The marts show what is true of three accounts, on two marketplaces, after each build."""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox.shop import order_money
from tap_emag.ops.views.personal import PERSONAL
from tests.support.warehouse import TRANSFORM
from tests.transform.conftest import GIVEN_ID, MARTS, settled
from tests.transform.expected import (
    PER_EURO,
    ZERO,
    cents,
    customers,
    daily_sales,
    discounts,
    revenue,
    settlement,
    splits,
)
from tests.transform.shaken import shake

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.support.warehouse import Row
    from tests.transform.conftest import Built, Story
    from tests.transform.expected import Account

pytestmark = pytest.mark.meltano

CENT = Decimal("0.01")
UNSALTED = "EMAG_CUSTOMER_SALT is not set"
HASHED = """
SELECT bool_and(built.customer_key = encode(
    sha256(convert_to(o.marketplace || ':' || o.customer_id || ':' || %s, 'UTF8')), 'hex'
))
FROM emag_marts.fct_orders AS built
JOIN emag.orders AS o ON o.marketplace = built.marketplace AND o.account_type = built.account_type
  AND o.type = built.order_type AND o.id = built.order_id
WHERE o.customer_id IS NOT NULL
"""
GIVEN_OFFER = f"emag_ro:main:{GIVEN_ID}"
# A column that differs from build to build, whatever the rows are.
OF_THE_BUILD = {"emag_freshness": "checked_at"}


@pytest.fixture(params=["changed", "anew"])
def built(story: Story, request: pytest.FixtureRequest) -> Built:
    found: Built = getattr(story, request.param)
    return found


def by_key(rows: Iterable[Row], *names: str) -> dict[Any, Row]:
    """Return rows by their key, which no two of them share."""
    rows = list(rows)
    found = {tuple(row[name] for name in names): row for row in rows}
    assert len(found) == len(rows)
    return found if len(names) > 1 else {key[0]: row for key, row in found.items()}


def all_orders(built: Built) -> Iterator[tuple[Account, str, Row]]:
    for account in built.accounts:
        for order in account.orders:
            yield account, account.order_key(order), order


def test_all_models_are_built_and_all_tests_pass(story: Story) -> None:
    for built in (story.early, story.changed):
        # An exposure takes no work.
        assert set(built.statuses.values()) == {"success", "pass", "warn", "no-op"}
    # Only the fixed rates are given, so that the currency of Romania has none.
    assert _warned(story.changed) == {"currencies_have_a_rate"}
    # While splits of vouchers are still to come, the vouchers differ from them.
    assert _warned(story.early) == {"currencies_have_a_rate", "vouchers_equal_their_splits"}


def _warned(built: Built) -> set[str]:
    return {name for name, status in built.statuses.items() if status == "warn"}


def test_the_shops_have_all_that_identities_are_about(story: Story) -> None:
    lines = story.changed.marts["fct_order_lines"]
    for name in ("deposit_net", "returned_net", "discount_net"):
        assert any(row[name] for row in lines), name
    assert len({row["vat_rate"] for row in lines}) > 2
    assert any(row["is_storno"] for row in story.changed.marts["fct_invoices"])


def test_every_order_is_there_once_under_the_type_it_has_now(built: Built) -> None:
    rows = by_key(built.marts["fct_orders"], "order_key")
    assert rows.keys() == {key for _, key, _ in all_orders(built)}


def test_each_order_has_its_amounts_to_the_last_digit(built: Built) -> None:
    rows = by_key(built.marts["fct_orders"], "order_key")
    for account, key, order in all_orders(built):
        row = rows[key]
        net, gross = revenue(order)
        assert (row["revenue_net"], row["revenue_gross"]) == (net, gross), key
        assert row["discount_net"] == discounts(order), key
        assert row["seller_discount_net"] == discounts(order, "seller"), key
        assert row["emag_discount_net"] == discounts(order, "eMAG"), key
        assert row["shipping_gross"] == order["shipping_tax"], key
        assert row["currency"] == order["currency"], key
        assert row["local_date"] == account.day(order["date"]), key
        assert row["is_cancelled"] is (order["status"] == 0), key


def test_what_customers_owe_is_what_the_shop_asks_and_cashes(built: Built) -> None:
    rows = by_key(built.marts["fct_orders"], "order_key")
    cashed = 0
    for _, key, order in all_orders(built):
        assert abs(rows[key]["due_gross"] - order_money.due(order)) < CENT, key
        if order_money.paid_by_card(order):
            cashed += 1
            assert abs(rows[key]["due_gross"] - rows[key]["cashed"]) < CENT, key
    assert cashed > 50


def test_amounts_in_euro_use_the_fixed_rate_or_are_unknown(built: Built) -> None:
    seen = set()
    for row in built.marts["fct_orders"]:
        rate = PER_EURO.get(row["currency"])
        seen.add(row["currency"])
        if rate is None:
            assert row["revenue_net_eur"] is None
        else:
            assert abs(row["revenue_net_eur"] - row["revenue_net"] / rate) < Decimal("0.0001")
    assert seen == {"RON", "BGN", "EUR"}


def test_each_order_has_the_lines_it_has_now(built: Built) -> None:
    rows = by_key(built.marts["fct_order_lines"], "order_line_key")
    wanted = {
        f"{key}:{line['id']}": (order, line)
        for _, key, order in all_orders(built)
        for line in order["products"]
    }
    assert rows.keys() == wanted.keys()
    for key, (order, line) in wanted.items():
        row = rows[key]
        assert row["ordered_pieces"] == line["initial_qty"]
        assert row["returned_pieces"] == line["storno_qty"]
        assert abs(row["due_gross"] - order_money.line_due(line)) < CENT, key
        assert row["is_sold"] is (order["status"] != 0 and line["status"] == 1), key


def test_vouchers_are_split_by_level_and_sponsor(built: Built) -> None:
    wanted: dict[Any, Decimal] = defaultdict(Decimal)
    for account, _, order in all_orders(built):
        for level, each in splits(order):
            key = (account.key, level, each.get("offered_by") or "unknown", order["currency"])
            wanted[key] += each["value"]
    found: dict[Any, Decimal] = defaultdict(Decimal)
    for row in built.marts["fct_voucher_splits"]:
        key = (row["account_key"], row["level"], row["sponsor"], row["currency"])
        found[key] += row["discount_net"]
    assert found == wanted
    assert {level for _, level, _, _ in wanted} == {"line", "shipping", "recycle_warranty"}


def test_daily_sales_equal_the_shops_to_the_cent(built: Built) -> None:
    rows = by_key(built.marts["agg_daily_sales"], "account_key", "local_date", "currency")
    wanted = daily_sales(built.accounts)
    assert rows.keys() == wanted.keys()
    for key, sums in wanted.items():
        row = rows[key]
        assert (row["orders"], row["cancelled_orders"]) == (sums.orders, sums.cancelled), key
        assert row["sold_pieces"] == sums.sold, key
        for name, amount in sums.amounts.items():
            assert (row[name] or ZERO) == cents(amount), (key, name)
    assert any(day is None for _, day, _ in wanted), "no order without a date"


def test_no_file_that_dbt_writes_has_the_salt(story: Story) -> None:
    """Nor has the page of `dbt docs generate`, which is made from them."""
    files = [each for each in (story.warehouse.folder / "target").rglob("*") if each.is_file()]
    assert "manifest.json" in {each.name for each in files}
    assert [each for each in files if b"a salt" in each.read_bytes()] == []


def test_customers_are_counted_without_their_names(built: Built) -> None:
    rows = by_key(built.marts["dim_customers"], "customer_key")
    wanted = customers(built.accounts)
    assert Counter((row["marketplace"], row["orders"]) for row in rows.values()) == Counter(
        (marketplace, orders) for (marketplace, _), orders in wanted.items()
    )
    assert all(len(key) == 64 for key in rows)
    assert all(row["is_returning"] is (row["orders"] > 1) for row in rows.values())


def test_returns_and_their_lines_are_those_of_the_shops(built: Built) -> None:
    rows = by_key(built.marts["fct_returns"], "return_key")
    wanted = {f"{a.key}:{row['emag_id']}": row for a in built.accounts for row in a.returns}
    assert rows.keys() == wanted.keys()
    for key, raw in wanted.items():
        row = rows[key]
        assert row["status"] == raw["request_status"]
        assert row["is_open"] is (raw["request_status"] in (1, 2, 3, 6))
        assert row["pieces"] == sum(line["quantity"] for line in raw["products"])
        assert row["reason_1"], raw["return_reason"]
    lines = by_key(built.marts["fct_return_lines"], "return_line_key")
    assert {(row["return_key"], row["line_id"]) for row in lines.values()} == {
        (key, line["id"]) for key, raw in wanted.items() for line in raw["products"]
    }


def test_what_came_back_has_the_price_of_its_order(built: Built) -> None:
    prices = defaultdict(set)
    for _, key, order in all_orders(built):
        for line in order["products"]:
            prices[key, line["product_id"]].add(line["sale_price"])
    known = [row for row in built.marts["fct_return_lines"] if row["unit_price_net"] is not None]
    assert known
    for row in known:
        assert {row["unit_price_net"]} == prices[row["order_key"], row["product_id"]]
        assert row["value_net"] == row["pieces"] * row["unit_price_net"]


def test_invoices_are_signed_and_equal_their_lines(built: Built) -> None:
    rows = by_key(built.marts["fct_invoices"], "invoice_key")
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in built.marts["fct_invoice_lines"]:
        sums[line["invoice_key"]] += line["gross"]
    for account in built.accounts:
        for suffix, invoices in (("", account.invoices), (":customer", account.customer_invoices)):
            for raw in invoices:
                row = rows.pop(f"{account.key}:{raw['number']}{suffix}")
                total = Decimal(raw["total_with_vat"])
                assert row["gross"] == (-abs(total) if raw["is_storno"] else total)
                assert sums[row["invoice_key"]] == row["gross"], row["invoice_key"]
    assert rows == {}


def test_months_settle_orders_with_invoices(built: Built) -> None:
    rows = by_key(built.marts["agg_monthly_settlement"], "account_key", "month_start", "currency")
    wanted = settlement(built.accounts)
    assert rows.keys() == wanted.keys()
    for key, amounts in wanted.items():
        for name, amount in amounts.items():
            assert rows[key][name] == cents(amount), (key, name)


def test_offers_are_there_with_those_that_are_gone_marked(story: Story) -> None:
    for built in (story.early, story.changed):
        rows = by_key(built.marts["dim_offers"], "offer_key")
        present = {key for key, row in rows.items() if row["gone_at"] is None}
        wanted = {f"{a.key}:{offer['id']}": offer for a in built.accounts for offer in a.offers}
        assert present == wanted.keys()
        for key, offer in wanted.items():
            assert rows[key]["price_net"] == offer["sale_price"]
            assert rows[key]["stock"] == offer["general_stock"]
            assert rows[key]["has_buy_button"] is (offer["buy_button_rank"] == 1)
    assert len(story.changed.marts["dim_offers"]) == len(story.early.marts["dim_offers"])
    gone = [row for row in story.changed.marts["dim_offers"] if row["gone_at"]]
    assert len(gone) == 6
    assert not any(row["is_sellable"] or row["has_buy_button"] for row in gone)


def test_the_state_of_now_is_the_offer_and_a_gone_offer_has_none(built: Built) -> None:
    offers = by_key(built.marts["dim_offers"], "offer_key")
    now = by_key(
        (row for row in built.marts["dim_offers_history"] if row["is_current"]), "offer_key"
    )
    assert now.keys() == {key for key, row in offers.items() if row["gone_at"] is None}
    for key, row in now.items():
        assert row["price_net"] == offers[key]["price_net"]
        assert row["stock"] == offers[key]["stock"]


def test_each_day_of_an_offer_has_a_row(built: Built) -> None:
    days = defaultdict(list)
    for row in built.marts["fct_stock_days"]:
        days[row["offer_key"]].append(row["local_date"])
    del days[GIVEN_OFFER]
    assert days.keys() == {row["offer_key"] for row in built.marts["dim_offers"]}
    for found in days.values():
        found.sort()
        assert found == [found[0] + timedelta(days=number) for number in range(len(found))]


def test_a_version_told_twice_is_one_state_and_a_deletion_ends_it(built: Built) -> None:
    states = sorted(
        (row["valid_from"].day, row["valid_from"].hour, row["valid_to"].day, row["stock"])
        for row in built.marts["dim_offers_history"]
        if row["offer_key"] == GIVEN_OFFER
    )
    assert states == [(1, 10, 3, 5), (3, 10, 3, 5), (3, 15, 4, 0), (4, 9, 6, 7), (8, 12, 9, 7)]


def test_a_day_has_the_last_stock_and_the_lowest(built: Built) -> None:
    days = {
        row["local_date"].day: (row["closing_stock"], row["lowest_stock"], row["was_out_of_stock"])
        for row in built.marts["fct_stock_days"]
        if row["offer_key"] == GIVEN_OFFER
    }
    assert days == {
        1: (5, 5, False),
        2: (5, 5, False),
        3: (0, 0, True),
        4: (7, 0, True),
        5: (7, 7, False),
        6: (7, 7, False),
        8: (7, 7, False),
        9: (7, 7, False),
    }


def test_the_buy_button_is_lost_and_won_with_the_prices_of_then(built: Built) -> None:
    changes = [
        (row["local_date"].day, row["change"], row["own_price"], row["price_net_after"])
        for row in built.marts["fct_buy_button_changes"]
        if row["offer_key"] == GIVEN_OFFER
    ]
    # Coming back after a deletion is no change of rank.
    assert sorted(changes) == [(3, "lost", "raised", 12), (4, "won", "lowered", 9)]


def test_rows_that_arrive_late_are_taken_in(story: Story) -> None:
    early = by_key(story.early.marts["fct_orders"], "order_key")
    changed = by_key(story.changed.marts["fct_orders"], "order_key")
    late = [
        key
        for key, row in early.items()
        if row["order_id"] % 7 == 0 and row["account_type"] == "main" and key in changed
    ]
    assert len(late) > 20
    assert all(early[key]["lines"] == 0 for key in late)
    assert all(changed[key]["lines"] > 0 for key in late)


def test_most_orders_are_not_built_again(story: Story) -> None:
    """Else nothing would show that a build takes in only what has changed."""
    early = {row["order_key"]: row["version"] for row in story.early.marts["fct_orders"]}
    changed = {row["order_key"]: row["version"] for row in story.changed.marts["fct_orders"]}
    same = [key for key, version in changed.items() if early.get(key) == version]
    assert len(same) > len(changed) / 2


@pytest.mark.parametrize("mart", ["fct_orders", "fct_order_lines", "fct_voucher_splits"])
def test_a_build_of_changes_equals_one_of_everything(story: Story, mart: str) -> None:
    _equal(story, mart)


def test_so_do_all_other_marts(story: Story) -> None:
    for mart in story.anew.marts:
        _equal(story, mart)


@pytest.fixture(scope="module")
def shaken(story: Story) -> list[tuple[dict[str, list[Row]], dict[str, list[Row]]]]:
    """Marts after random changes, and the same built from nothing."""
    found = []
    for seed in (1, 2):
        with story.warehouse.database.connect() as connection:
            shake(connection, seed, changes=90)
        story.warehouse.dbt("run")
        changed = {name: story.warehouse.rows(name) for name in MARTS}
        story.warehouse.dbt("run", "--full-refresh")
        found.append((changed, {name: story.warehouse.rows(name) for name in MARTS}))
    return found


@pytest.mark.parametrize("mart", MARTS)
def test_after_random_changes_a_build_equals_one_of_everything(
    shaken: list[tuple[dict[str, list[Row]], dict[str, list[Row]]]], mart: str
) -> None:
    for changed, anew in shaken:
        _equal_rows(mart, changed[mart], anew[mart])


def test_a_build_of_everything_that_ends_early_is_repeated(
    story: Story,
    shaken: list[tuple[dict[str, list[Row]], dict[str, list[Row]]]],  # noqa: ARG001 - comes before
) -> None:
    """Its first model is int_loaded; int_built says up to when all marts are built."""
    assert story.warehouse.rows("int_built", schema="emag_staging") != []
    story.warehouse.dbt("run", "--full-refresh", "--select", "int_loaded")
    assert story.warehouse.rows("int_built", schema="emag_staging") == []
    story.warehouse.dbt("run")
    assert story.warehouse.rows("int_built", schema="emag_staging") != []


def test_tables_without_statistics_get_them(story: Story) -> None:
    """As after an upgrade of Postgres; without them, a join of 100,000 orders took ten minutes."""
    tables = "relkind = 'r' AND relnamespace IN ('emag'::regnamespace, 'emag_marts'::regnamespace)"
    with story.warehouse.database.connect() as connection:
        connection.execute(f"UPDATE pg_class SET reltuples = -1 WHERE {tables}")
    story.warehouse.dbt("run", "--select", "int_loaded")
    with story.warehouse.database.connect() as connection:
        unknown = connection.execute(f"SELECT 1 FROM pg_class WHERE reltuples < 0 AND {tables}")
        assert unknown.fetchall() == []


def _equal(story: Story, mart: str) -> None:
    _equal_rows(mart, story.changed.marts[mart], story.anew.marts[mart])


def _equal_rows(mart: str, *builds: list[Row]) -> None:
    changed, anew = (
        Counter(
            tuple((name, str(row[name])) for name in row if name != OF_THE_BUILD.get(mart))
            for row in settled(mart, rows)
        )
        for rows in builds
    )
    assert changed - anew == Counter()
    assert anew - changed == Counter()


def test_freshness_counts_the_tables_of_each_account(built: Built) -> None:
    rows = by_key(built.marts["emag_freshness"], "account_key", "table_name")
    for account in built.accounts:
        assert rows[account.key, "orders"]["rows"] >= len(account.orders)
        newest = max(order["modified"] for order in account.orders)
        assert rows[account.key, "orders"]["newest_change_at"] == newest


def test_accounts_and_dates_cover_the_facts(built: Built) -> None:
    accounts = by_key(built.marts["dim_accounts"], "account_key")
    assert accounts.keys() == {account.key for account in built.accounts}
    days = by_key(built.marts["dim_dates"], "date_day").keys()
    assert {row["local_date"] for row in built.marts["fct_orders"]} - {None} <= days
    assert {row["date"] for row in built.marts["fct_invoices"]} <= days


@pytest.fixture(scope="module")
def altered(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Altered:
    """The marts with a rate for the Romanian leu, and with sums that no one should make."""
    project = tmp_path_factory.mktemp("altered") / "transform"
    shutil.copytree(TRANSFORM, project)
    with (project / "seeds/fx_rates.csv").open("a", encoding="utf-8") as rates:
        rates.write("RON,2020-01-01,5,a test\n")
    marts = project / "models/marts"
    (marts / "agg_wrong.sql").write_text(
        "{{ config(meta={'grain': ['account_key']}) }}\n"
        "select account_key, sum(revenue_net) as revenue_net, min(currency) as currency\n"
        "from {{ ref('fct_orders') }} group by account_key\n"
    )
    metrics = (marts / "_metrics.yml").read_text(encoding="utf-8")
    added = "measures:\n      - {name: revenue_net, agg: sum}\n"
    (marts / "_metrics.yml").write_text(metrics.replace("measures:\n", added))
    warehouse = replace(story.warehouse, project=project)
    orders = "int_orders_changed fct_voucher_splits fct_order_lines fct_orders"
    chosen = f"fx_rates int_fx_rates int_loaded {orders} agg_wrong no_sum_over_currencies"
    statuses = warehouse.dbt("build", "--select", chosen, check=False)
    results = json.loads((warehouse.folder / "target/run_results.json").read_text())["results"]
    failures = {each["unique_id"].split(".")[2]: each["failures"] for each in results}
    return Altered(statuses, failures, warehouse.rows("fct_orders"))


@dataclass(frozen=True)
class Altered:
    """What dbt found in an altered project."""

    statuses: dict[str, str]
    failures: dict[str, int | None]
    orders: list[Row]


def test_a_sum_over_currencies_fails_the_build(altered: Altered) -> None:
    failed = {name for name, status in altered.statuses.items() if status == "fail"}
    assert failed == {"no_sum_over_currencies"}
    assert altered.failures["no_sum_over_currencies"] == 2  # of the mart, and of the metric


def test_orders_follow_a_rate_that_is_added(altered: Altered) -> None:
    romanian = [row for row in altered.orders if row["currency"] == "RON"]
    assert romanian
    assert all(abs(row["revenue_net_eur"] - row["revenue_net"] / 5) < CENT for row in romanian)


def test_a_day_with_an_unknown_amount_has_no_sum_that_is_too_small(story: Story) -> None:
    warehouse = story.warehouse
    with warehouse.database.connect() as connection:
        [(key,)] = connection.execute(
            "UPDATE emag.order_lines SET vat = NULL, _sdc_batched_at = now()"
            " WHERE ctid = (SELECT part.ctid FROM emag.order_lines AS part"
            " JOIN emag.orders AS o ON o.marketplace = part.marketplace"
            " AND o.account_type = part.account_type AND o.type = part.order_type"
            " AND o.id = part.order_id AND o.modified = part.order_modified"
            " WHERE o.status <> 0 AND part.status = 1 AND part.quantity > 0 LIMIT 1)"
            " RETURNING concat_ws(':', marketplace, account_type, order_type, order_id)"
        ).fetchall()
    warehouse.dbt("run")
    order = by_key(warehouse.rows("fct_orders"), "order_key")[key]
    day = by_key(warehouse.rows("agg_daily_sales"), "account_key", "local_date", "currency")[
        order["account_key"], order["local_date"], order["currency"]
    ]
    assert order["revenue_gross"] is None
    assert day["revenue_gross"] is None
    assert day["revenue_net"] > 0


def test_without_a_salt_that_of_the_views_counts_and_without_any_dbt_warns(story: Story) -> None:
    """Only `fct_orders` is built: a test of all marts compares them with the right salt."""
    warehouse = story.warehouse
    only = ("run", "--full-refresh", "--select", "fct_orders")
    with warehouse.database.connect() as connection:
        connection.execute("CREATE TABLE emag_staging.customer_salt AS SELECT 'of views' AS salt")
        warehouse.dbt(*only, salt="")
        assert UNSALTED not in (warehouse.folder / "dbt.log").read_text(encoding="utf-8")
        assert connection.execute(HASHED, ["of views"]).fetchall() == [(True,)]
        connection.execute("DROP TABLE emag_staging.customer_salt")
    warehouse.dbt(*only, salt="")
    assert UNSALTED in (warehouse.folder / "dbt.log").read_text(encoding="utf-8")
    warehouse.dbt("run", "--full-refresh")


def test_columns_with_personal_data_can_be_dropped(story: Story) -> None:
    """The last test, as it changes the tables."""
    warehouse = story.warehouse
    orders = len(warehouse.rows("fct_orders"))
    with warehouse.database.connect() as connection:
        for table, columns in PERSONAL.items():
            for column in columns:
                connection.execute(
                    f'ALTER TABLE emag.{table} DROP COLUMN IF EXISTS "{column}" CASCADE'
                )
    statuses = warehouse.dbt("run")
    assert set(statuses.values()) == {"success"}
    persons = warehouse.rows("stg_emag__personal_data", schema="emag_staging")
    assert persons
    assert all(row["name"] is None and row["address"] is None for row in persons)
    assert len(warehouse.rows("fct_orders")) == orders
    # The plugins still select the columns, so that they come back, and views go on.
    warehouse.meltano("emag-ops:prepare-tables")
    assert set(warehouse.dbt("run").values()) == {"success"}
