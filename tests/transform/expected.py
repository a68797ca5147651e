"""What the marts have to show, worked out from the sandbox's truth and from nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date, datetime

    from emag_sandbox.shop.shop import Shop

Row = dict[str, Any]
ZERO = Decimal(0)
CENT = Decimal("0.01")
ZONES = {
    "emag_ro": ZoneInfo("Europe/Bucharest"),
    "emag_bg": ZoneInfo("Europe/Sofia"),
}
PER_EURO = {"EUR": Decimal(1), "BGN": Decimal("1.95583")}
# What each kind of eMAG's invoices adds to the seller's costs, given amounts without a sign.
COSTS = {"FC": 1, "FCA": -1, "FCSA": 1, "FCD": -1, "FT": 1, "FTA": -1}
COMMISSION = ("FC", "FCA", "FCSA", "FCD")


@dataclass(frozen=True)
class Account:
    """One account and all that is true of it at a moment."""

    marketplace: str
    account_type: str
    orders: list[Row]
    offers: list[Row]
    returns: list[Row]
    invoices: list[Row]
    customer_invoices: list[Row]

    @classmethod
    def of(cls, shop: Shop, marketplace: str, account_type: str) -> Account:
        """Take down what a shop contains now."""
        return cls(
            marketplace,
            account_type,
            *(
                list(rows)
                for rows in (
                    shop.orders(),
                    shop.offers(),
                    shop.returns(),
                    shop.invoices(),
                    shop.customer_invoices(),
                )
            ),
        )

    @property
    def key(self) -> str:
        return f"{self.marketplace}:{self.account_type}"

    def order_key(self, order: Row) -> str:
        return f"{self.key}:{order['type']}:{order['id']}"

    def day(self, moment: datetime | None) -> date | None:
        return moment.astimezone(ZONES[self.marketplace]).date() if moment else None


@dataclass
class Sums:
    """Amounts of one group of orders."""

    orders: int = 0
    cancelled: int = 0
    sold: int = 0
    amounts: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


def cents(amount: Decimal) -> Decimal:
    """Round as Postgres does."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def sold_lines(order: Row) -> Iterator[Row]:
    """Yield the lines of an order that count as sold."""
    if order["status"] != 0:
        yield from (line for line in order["products"] if line["status"] == 1)


def revenue(order: Row) -> tuple[Decimal, Decimal]:
    """Return what an order brings, without VAT and with it."""
    lines = [(line["quantity"] * line["sale_price"], line["vat"]) for line in sold_lines(order)]
    net = sum((amount for amount, _ in lines), ZERO)
    return net, sum((amount * (1 + rate) for amount, rate in lines), ZERO)


def splits(order: Row) -> Iterator[tuple[str, Row]]:
    """Yield each part of a voucher with the level that it is of."""
    for line in order["products"]:
        for each in line["product_voucher_split"]:
            yield "line", each
        for deposit in line["recycle_warranties"]:
            for each in deposit["recycle_warranty_voucher_split"]:
                yield "recycle_warranty", each
    for each in order["shipping_tax_voucher_split"]:
        yield "shipping", each


def discounts(order: Row, sponsor: str | None = None) -> Decimal:
    """Return an order's vouchers without VAT, of one sponsor or all."""
    return sum(
        (each["value"] for _, each in splits(order) if sponsor in (None, each.get("offered_by"))),
        ZERO,
    )


def daily_sales(accounts: Iterable[Account]) -> dict[tuple[Any, ...], Sums]:
    """Return the sums by account, day and currency."""
    found: dict[tuple[Any, ...], Sums] = defaultdict(Sums)
    for account in accounts:
        for order in account.orders:
            sums = found[account.key, account.day(order["date"]), order["currency"]]
            net, gross = revenue(order)
            sums.orders += 1
            sums.cancelled += order["status"] == 0
            sums.sold += sum(line["quantity"] for line in sold_lines(order))
            sums.amounts["revenue_net"] += net
            sums.amounts["revenue_gross"] += gross
            if order["status"] != 0:
                sums.amounts["shipping_gross"] += order["shipping_tax"]
                sums.amounts["discount_net"] += discounts(order)
                sums.amounts["emag_discount_net"] += discounts(order, "eMAG")
    return found


def costs(invoice: Row) -> Decimal:
    """Return what an invoice of eMAG adds to the seller's costs, without VAT."""
    total = Decimal(invoice["total_without_vat"])
    return COSTS[invoice["category"]] * abs(total)


def settlement(accounts: Iterable[Account]) -> dict[tuple[Any, ...], dict[str, Decimal]]:
    """Return the amounts by account, month and currency."""
    found: dict[tuple[Any, ...], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for account in accounts:
        for order in account.orders:
            day = account.day(order["finalization_date"])
            if day and order["status"] != 0:
                sums = found[account.key, day.replace(day=1), order["currency"]]
                sums["finalized_orders"] += 1
                sums["revenue_net"] += revenue(order)[0]
        for invoice in account.invoices:
            sums = found[account.key, invoice["date"].replace(day=1), invoice["currency"]]
            kind = "commission" if invoice["category"] in COMMISSION else "transport"
            sums[f"{kind}_net"] += costs(invoice)
            sums["emag_costs_net"] += costs(invoice)
        for invoice in account.customer_invoices:
            sums = found[account.key, invoice["date"].replace(day=1), invoice["currency"]]
            sums["invoiced_to_customers_net"] += Decimal(invoice["total_without_vat"])
    return found


def customers(accounts: Iterable[Account]) -> Counter[tuple[str, int]]:
    """Count the orders of each customer of a marketplace that were not cancelled."""
    found: Counter[tuple[str, int]] = Counter()
    for account in accounts:
        for order in account.orders:
            if order["customer"]:
                found[account.marketplace, order["customer"]["id"]] += order["status"] != 0
    return found
