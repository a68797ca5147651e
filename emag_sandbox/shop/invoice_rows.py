"""Invoices in full."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.marketplaces import Terms
from emag_sandbox.shop.billing import converted
from emag_sandbox.shop.catalogue import CENTI, TENTHOUSANDTH
from emag_sandbox.shop.localtime import DAY
from emag_sandbox.shop.order_money import splits
from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from emag_sandbox.marketplaces import Marketplace
    from emag_sandbox.shop.billing import Charge

EPOCH: Final = 719_163  # the ordinal of 1 January 1970
# Code, name, whether it takes something back, whether its amounts are negative: a reversal of
# eMAG's has positive totals, and differs by `is_storno` only.
CATEGORIES: Final = (
    ("FC", "Commission", False, False),
    ("FCA", "Cancelled commission", True, False),
    ("FCSA", "Storno of cancelled commission", True, False),
    ("FCD", "Commission discount", False, True),
    ("FTA", "Cancelled transport", True, False),
    ("FT", "Transport", False, False),  # invented: the text has its cancellation only
)
SERVICE: Final = "Taxă de serviciu"
PARTY: Final = {
    "name": "Seller Demo SRL",
    "register_number": "J00/001/2000",
    "cif": "11111111",
    "iban": "",
    "bank": "",
    "address": "Strada Demo 2, Oraș Test",
}
EMAG: Final = {
    "name": "Furnizor Demo SA",
    "register_number": "J00/000/2000",
    "cif": "00000000",
    "social_capital": "1 RON",
    "iban": "RO00DEMO0000000000000000",
    "bank": "Banca Demo",
    "address": "Strada Demo 1, Oraș Test",
    "phone_number": "000",
}


def categories() -> list[dict[str, Any]]:
    """The categories of eMAG's invoices to the seller."""
    return [{"category": code, "name": name} for code, name, _, _ in CATEGORIES]


def invoice(
    seed: int,
    number: int,
    category: tuple[str, str, bool, bool],
    day: date,
    market: Marketplace,
    charges: Sequence[Charge],
) -> dict[str, Any]:
    """An invoice of eMAG's to the seller, every field of it: a line for each charge.

    Where there is none, it has service fees that belong to no order.
    """
    code, name, storno, negative = category
    luck = mix(seed, 152, number)
    noon = (day.toordinal() - EPOCH) * DAY + DAY // 2
    terms = Terms(market, market.currency(noon))
    rate = _percent(market.vat_rate(noon))
    lines = [
        _line(
            f"{name}, comanda {charge.order[1]} (tip {charge.order[0]})",
            "Buc",
            Decimal(1),
            converted(charge, terms.currency),
            rate,
        )
        for charge in charges
    ]
    for place in range(0 if charges else 1 + (luck & 3)):
        part = mix(luck, place)
        price = Decimal(part % 4000) / 100 if part >> 20 & 3 else Decimal(part % 40)
        price = terms.price(price)
        quantity = Decimal(1 + (part >> 24) % 3)
        if negative:
            price = -price
        lines.append(_line(f"{SERVICE} {place + 1}", "Buc", quantity, price, rate))
    return {
        "category": code,
        "name": name,
        "number": f"X-DEMO-{100_001 + number}",
        "date": day,
        "is_storno": storno,
        "supplier": EMAG | {"tax_code": f"{market.country}{EMAG['cif']}"},
        "customer": _seller(market),
        "lines": lines,
        "payment_term": (0, 15, 30)[luck >> 8 & 1],
        **_totals(lines),
        "currency": terms.currency,
    }


def customer_invoice(
    number: int, order: dict[str, Any], day: date, reverses: int | None, market: Marketplace
) -> dict[str, Any]:
    """An invoice to the customer of an order, every field of it; negative when it reverses one."""
    sign = 1 if reverses is None else -1
    lines = [
        _line(name, "buc", Decimal(sign * pieces), price, _percent(rate))
        for name, pieces, price, rate in _parts(order, market)
    ]
    return {
        "category": "normal" if reverses is None else "storno",
        "order_id": order["id"],
        "number": f"C-DEMO-{200_001 + number}",
        "date": day,
        "is_storno": reverses is not None,
        "reversal_for": None if reverses is None else f"C-DEMO-{200_001 + reverses}",
        "supplier": {**_seller(market), "social_capital": f"200 {order['currency']}"},
        "customer": _customer(order["customer"] or {}, market),
        "lines": lines,
        **_totals(lines),
        "currency": order["currency"],
    }


def _parts(
    order: dict[str, Any], market: Marketplace
) -> Iterator[tuple[str, int, Decimal, Decimal]]:
    """Name, pieces, net price and VAT rate of all that a customer pays for an order."""
    for line in order["products"]:
        yield line["name"], line["initial_qty"], line["sale_price"], line["vat"]
        for each in line["recycle_warranties"]:
            yield each["product_name"], each["quantity"], each["sale_price"], each["vat_rate"]
    if order["shipping_tax"]:
        rate = market.vat_rate(order["products"][0]["created"])
        yield "Transport", 1, (order["shipping_tax"] / (1 + rate)).quantize(TENTHOUSANDTH), rate
    off: dict[Decimal, Decimal] = {}
    for cut in splits(order):
        rate = cut.get("vat", Decimal(0))
        off[rate] = off.get(rate, Decimal(0)) + cut["value"]
    for rate, net in off.items():
        yield "Voucher", 1, net, rate


def _percent(rate: Decimal) -> Decimal:
    """A rate as a whole number of percent, as invoices have it (documented)."""
    return (rate * 100).quantize(Decimal(1))


def _seller(market: Marketplace) -> dict[str, Any]:
    return {
        **PARTY,
        "tax_code": f"{market.country}{PARTY['cif']}",
        "country": market.country_name,
    }


def _customer(customer: dict[str, Any], market: Marketplace) -> dict[str, Any]:
    return {
        "name": customer.get("company", "Client necunoscut"),
        "register_number": customer.get("registration_number", ""),
        "cif": customer.get("code", "").removeprefix(market.country),
        "tax_code": customer.get("code", ""),
        "iban": customer.get("iban", ""),
        "bank": customer.get("bank", ""),
        "country": market.country_name,
        "address": customer.get("billing_street", ""),
    }


def _line(name: str, unit: str, quantity: Decimal, price: Decimal, rate: Decimal) -> dict[str, Any]:
    value = (quantity * price).quantize(CENTI)
    return {
        "product_name": name,
        "unit_of_measure": unit,
        "quantity": quantity,
        "unit_price": price,
        "vat_rate": rate,
        "value": _short(value),
        "vat_value": _short((value * rate / 100).quantize(CENTI)),
    }


def _totals(lines: list[dict[str, Any]]) -> dict[str, Decimal]:
    net = sum((line["value"] for line in lines), Decimal(0))
    vat = sum((line["vat_value"] for line in lines), Decimal(0))
    return {
        "total_without_vat": _short(net),
        "total_vat_value": _short(vat),
        "total_with_vat": _short(net + vat),
    }


def _short(amount: Decimal) -> Decimal:
    """An amount without decimals when it has none, as JSON then shows an integer."""
    whole = amount.quantize(Decimal(1))
    return whole if whole == amount else amount
