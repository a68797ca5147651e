"""What the answers to the questions have to be, worked out from the sandbox's truth."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.shop import order_money
from tap_emag.streams.codes.table import _return_reasons
from tests.transform.expected import (
    ZERO,
    cents,
    daily_sales,
    revenue,
    settlement,
    sold_lines,
    splits,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from tests.transform.conftest import Asked
    from tests.transform.expected import Account, Row

STATUSES: Final = {1: "new", 2: "in progress", 3: "prepared"}
SELLS: Final = {"validation_status": (3, 9, 11, 12), "offer_validation_status": (1,)}
SELLS_TRANSLATED: Final = (3, 9, 11, 12, 17)
REFUSED: Final = (4, 5)  # or cancelled; no goods come back


def all_orders(asked: Asked) -> Iterator[tuple[Account, Row]]:
    for account in asked.accounts:
        for order in account.orders:
            yield account, order


def last_day(asked: Asked) -> date:
    days = (account.day(order["date"]) for account, order in all_orders(asked))
    return max(day for day in days if day)


def percent(part: Decimal | int, everything: Decimal | int) -> Decimal | None:
    if not everything:
        return None
    return (Decimal(100) * part / everything).quantize(Decimal("0.1"), ROUND_HALF_UP)


def month(day: date | None) -> date | None:
    return day.replace(day=1) if day else None


def fulfilled_by(order: Row) -> str:
    return {2: "eMAG", 3: "seller"}[order["type"]]


def expected_revenue(asked: Asked) -> Iterator[tuple[Any, ...]]:
    first = last_day(asked) - timedelta(days=90)
    for (account, day, currency), sums in daily_sales(asked.accounts).items():
        if day is None or day > first:
            amounts = (cents(sums.amounts[name]) for name in ("revenue_net", "revenue_gross"))
            yield (account, currency, day, sums.orders, sums.cancelled, *amounts)


def expected_margin(asked: Asked) -> Iterator[tuple[Any, ...]]:
    names: dict[Any, set[str]] = defaultdict(set)
    found: dict[Any, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for account, order in all_orders(asked):
        for line in sold_lines(order):
            key = (account.key, order["currency"], line["product_id"])
            names[key].add(line["name"])
            found[key]["pieces"] += line["quantity"]
            found[key]["net"] += line["quantity"] * line["sale_price"]
            for level, part in splits({**order, "products": [line]}):
                if level != "shipping" and part.get("offered_by") == "seller":
                    found[key]["off"] += part["value"]
    for (account_key, currency, product), sums in found.items():
        rate = percents(asked).get((account_key, product))
        net, off = sums["net"], sums["off"]
        yield (
            *(account_key, currency, product),
            max(names[account_key, currency, product]) if product else None,
            *(sums["pieces"], cents(net), cents(off)),
            *(2 * [None] if rate is None else kept(net, off, rate)),
        )


def kept(net: Decimal, off: Decimal, rate: Decimal) -> tuple[Decimal, Decimal]:
    return cents(net * rate / 100), cents(net + off - net * rate / 100)


def percents(asked: Asked) -> dict[tuple[str, int], Decimal | None]:
    return {
        (account.key, number): value
        for account, found in zip(asked.accounts, asked.percents, strict=True)
        for number, value in found.items()
    }


def expected_returns(asked: Asked) -> Iterator[tuple[Any, ...]]:
    reasons = {code: (label, parent) for code, label, _, parent, _ in _return_reasons()}

    def widest(code: int | None) -> str | None:
        label, parent = reasons.get(code, (None, None))  # type: ignore[arg-type]
        return widest(parent) if parent is not None else label

    ordered: Counter[Any] = Counter()
    for account, order in all_orders(asked):
        for line in sold_lines(order):
            ordered[account.key, line["product_id"]] += line["initial_qty"]
    names: dict[Any, set[str]] = defaultdict(set)
    pieces: Counter[Any] = Counter()
    for account in asked.accounts:
        for row in account.returns:
            for line in row["products"] if row["request_status"] not in REFUSED else ():
                key = (account.key, line["product_id"], widest(line["return_reason"]))
                pieces[key] += line["quantity"]
                names[key].add(line["product_name"])
    for key, returned in pieces.items():
        (account_key, product, reason) = key
        sold = ordered[account_key, product] if product else None
        rate = percent(returned, sold or 0)
        # Lines of products that are gone have no number, and may be of several products.
        name = max(names[key]) if product else None
        yield (account_key, product, name, reason, returned, sold or None, rate)


def expected_late_orders(asked: Asked) -> Iterator[tuple[Any, ...]]:
    now = datetime.now(timezone.utc)
    for account, order in all_orders(asked):
        ship_by = order["maximum_date_for_shipment"]
        if order["status"] in STATUSES and ship_by and ship_by < now:
            yield (
                *(account.key, order["currency"], order["id"], fulfilled_by(order)),
                *(STATUSES[order["status"]], account.day(ship_by)),
                cents(order_money.due(order)),
            )


def expected_stock(asked: Asked) -> Iterator[tuple[Any, ...]]:
    first = last_day(asked) - timedelta(days=30)
    sold: Counter[Any] = Counter()
    for account, order in all_orders(asked):
        day = account.day(order["date"])
        for line in sold_lines(order) if day and day > first else ():
            sold[account.key, line["product_id"]] += line["quantity"]
    for account, before in zip(asked.accounts, asked.offers_before, strict=True):
        for offer in account.offers:
            number, stock = offer["id"], offer["general_stock"]
            pieces = sold[account.key, number]
            # Both versions are of one day.
            days = int(min(stock, before[number]["general_stock"]) <= 0)
            if pieces or days:
                lasts = Decimal(30 * stock) / pieces if pieces else None
                rounded = lasts.quantize(Decimal(1), ROUND_HALF_UP) if lasts is not None else None
                yield (account.key, number, offer["name"], stock, pieces, rounded, days)


def is_sellable(offer: Row) -> bool:
    translation = value_of(offer["translation_validation_status"])
    return (
        offer["status"] == 1
        and offer["general_stock"] > 0
        and all(value_of(offer[name]) in values for name, values in SELLS.items())
        and (translation is None or translation in SELLS_TRANSLATED)
    )


def value_of(status: Any) -> int | None:  # noqa: ANN401 - an object, a list of one, or none
    found = status[0] if isinstance(status, list) and status else status
    return found["value"] if isinstance(found, dict) else None


def expected_buy_buttons(asked: Asked) -> Iterator[tuple[Any, ...]]:
    for account, before in zip(asked.accounts, asked.offers_before, strict=True):
        for offer in account.offers:
            rank = offer["buy_button_rank"]
            if is_sellable(offer) and rank and rank > 1:
                had = before[offer["id"]]["buy_button_rank"] == 1
                yield (
                    *(account.key, offer["currency"], offer["id"], offer["name"]),
                    *(last_day(asked) if had else None, rank, offer["number_of_offers"]),
                    *(offer["sale_price"], offer["general_stock"]),
                )


def expected_price_changes(asked: Asked) -> Iterator[tuple[Any, ...]]:
    for account, before in zip(asked.accounts, asked.offers_before, strict=True):
        for offer in account.offers:
            was = before[offer["id"]]
            ranks, prices = ((was[name], offer[name]) for name in ("buy_button_rank", "sale_price"))
            if (ranks[0] == 1) != (ranks[1] == 1):
                lower, higher = prices[1] < prices[0], prices[1] > prices[0]
                yield (
                    *(account.key, offer["currency"], last_day(asked)),
                    *(offer["id"], offer["name"], "won" if ranks[1] == 1 else "lost"),
                    "raised" if higher else "lowered" if lower else "unchanged",
                    *prices,
                    *ranks,
                )


def expected_vouchers(asked: Asked) -> Iterator[tuple[Any, ...]]:
    found: dict[Any, Decimal] = defaultdict(Decimal)
    of: dict[Any, set[str]] = defaultdict(set)
    for account, order in all_orders(asked):
        for _, part in splits(order) if order["status"] else ():
            sponsor = part.get("offered_by") or "unknown"
            key = (account.key, order["currency"], month(account.day(order["date"])), sponsor)
            found[key] -= part["value"]
            of[key].add(account.order_key(order))
    for key, amount in found.items():
        yield (*key, len(of[key]), cents(amount))


def expected_fulfilment(asked: Asked) -> Iterator[tuple[Any, ...]]:
    found: dict[Any, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for account, order in all_orders(asked):
        sums = found[account.key, order["currency"], fulfilled_by(order)]
        sums["orders"] += 1
        sums["cancelled"] += order["status"] == 0
        sums["late"] += order["late_shipment"] is True
        sums["net"] += revenue(order)[0]
        for line in order["products"] if order["status"] else ():
            sums["ordered"] += line["initial_qty"]
            sums["returned"] += line["storno_qty"]
    for key, sums in found.items():
        orders, kept_orders = sums["orders"], sums["orders"] - sums["cancelled"]
        yield (
            *(*key, orders, cents(sums["net"])),
            cents(sums["net"] / kept_orders) if kept_orders else None,
            percent(sums["cancelled"], orders),
            percent(sums["returned"], sums["ordered"]),
            percent(sums["late"], orders),
        )


def expected_customers(asked: Asked) -> Iterator[tuple[Any, ...]]:
    firsts: dict[Any, datetime] = {}
    bought = [
        (account, order, (account.marketplace, order["customer"]["id"]))
        for account, order in all_orders(asked)
        if order["status"] and order["date"] and order["customer"]
    ]
    for _, order, who in bought:
        firsts[who] = min(firsts.get(who, order["date"]), order["date"])
    found: dict[Any, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for account, order, who in bought:
        kind = "returning" if order["date"] > firsts[who] else "new"
        key = (account.key, order["currency"], month(account.day(order["date"])), kind)
        found[key][0] += 1
        found[key][1] += revenue(order)[0]
    for key, (orders, net) in found.items():
        yield (*key, orders, cents(net))


def expected_settlement(asked: Asked) -> Iterator[tuple[Any, ...]]:
    commission: dict[Any, Decimal] = {}
    of = percents(asked)
    for account, order in all_orders(asked):
        for line in order["products"]:
            number = (account.key, line["product_id"])
            if (rate := of.get(number)) is not None:
                finalized = month(account.day(order["finalization_date"]))
                key = (account.key, finalized, order["currency"])
                is_sold = order["status"] and line["status"]
                net = line["quantity"] * line["sale_price"] if is_sold else ZERO
                commission[key] = commission.get(key, ZERO) + net * rate / 100
    for key, sums in settlement(asked.accounts).items():
        (account_key, start, currency) = key
        wanted = commission.get(key)
        yield (
            *(account_key, currency, start, sums["finalized_orders"], cents(sums["revenue_net"])),
            cents(sums["commission_net"]),
            cents(wanted) if wanted is not None else None,
            cents(sums["transport_net"]),
            cents(sums["revenue_net"] - sums["emag_costs_net"]),
        )


EXPECTED: dict[str, Callable[[Asked], Iterator[tuple[Any, ...]]]] = {
    "01_revenue": expected_revenue,
    "02_margin": expected_margin,
    "03_returns": expected_returns,
    "04_late_orders": expected_late_orders,
    "05_stock": expected_stock,
    "06_buy_buttons": expected_buy_buttons,
    "07_price_changes": expected_price_changes,
    "08_vouchers": expected_vouchers,
    "09_fulfilment": expected_fulfilment,
    "10_customers": expected_customers,
    "11_settlement": expected_settlement,
}
