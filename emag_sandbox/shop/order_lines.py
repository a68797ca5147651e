"""Order lines and the voucher rows that hang on them."""
# ruff: noqa: PLR2004 - shares and sizes of invented data need no names

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.shop.catalogue import CENTI, TENTHOUSANDTH
from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from random import Random

    from emag_sandbox.marketplaces import Terms
    from emag_sandbox.shop.catalogue import Product

FIRST_LINE: Final = 90_000_000
LINES_AN_ORDER: Final = 64
ZERO: Final = Decimal("0.0000")
DEPOSIT: Final = Decimal("0.5")


def line(
    order: int, position: int, product: Product, quantity: int, terms: Terms, instant: int
) -> dict[str, Any]:
    """A line when it enters an order at an instant, every field of it.

    `order` and `position` number the order and the line within it; ids never repeat.
    """
    luck = mix(order, position, product.number)
    return {
        "id": FIRST_LINE + order * LINES_AN_ORDER + position,
        "product_id": product.offer_id if luck % 61 else None,
        "mkt_id": product.mkt_id if luck >> 8 & 3 else None,
        "name": product.name,
        "part_number": product.part_number,
        "ext_part_number": product.part_number,
        "part_number_key": product.key,
        "status": 1,
        "quantity": quantity,
        "initial_qty": quantity,
        "storno_qty": 0,
        "sale_price": terms.price(product.price),
        "original_price": terms.price(product.original),
        "currency": terms.currency,
        "vat": terms.market.vat_rate(instant, reduced=product.reduced_vat),
        "retained_amount": terms.price(Decimal("1.25")) if luck >> 12 & 31 == 0 else Decimal(0),
        "reversible_vat_charging": False if luck >> 20 & 3 else None,
        "created": instant,
        "modified": instant,
        "details": "Gravură: „Exemplu”" if luck >> 24 & 63 == 0 else [],
        "recycle_warranties": _deposits(product, quantity, terms),
        "attachments": _manuals(order, position) if luck >> 30 & 31 == 0 else [],
        "serial_numbers": _serials(luck, quantity),
        "product_voucher_split": [],
        "campaign": _campaign(luck >> 40 & 15),
    }


def give_back(row: dict[str, Any], pieces: int) -> None:
    """Return some pieces of a line: what is left shrinks, what came back grows."""
    back = min(pieces, row["quantity"])
    row["quantity"] -= back
    row["storno_qty"] += back


def split(
    voucher: int, net: Decimal, rate: Decimal, *, by: str, name: str | None, short: bool = False
) -> dict[str, Any]:
    """One split row: `net` (negative) of a voucher borne by one sponsor at one VAT rate."""
    row = {
        "voucher_id": voucher,
        "value": net,
        "vat_value": (net * rate).quantize(TENTHOUSANDTH),
    }
    if short:
        return row
    return {**row, "vat": rate, "offered_by": by, "voucher_name": name}


def share_voucher(
    rng: Random, rows: list[dict[str, Any]], voucher: int, name: str
) -> list[dict[str, Any]]:
    """Spread a voucher over lines, some of it shared by both sponsors; the rows it made."""
    made = []
    for row in rows:
        if rng.random() < 0.2:
            continue
        off = -(row["sale_price"] * row["initial_qty"] / 10).quantize(CENTI)
        parts = [("seller", off)]
        if rng.random() < 0.4:
            parts = [
                ("seller", (off / 2).quantize(TENTHOUSANDTH)),
                ("eMAG", (off / 4).quantize(TENTHOUSANDTH)),
            ]
        for by, net in parts:
            label = name if rng.random() < 0.8 else None
            made.append(split(voucher, net, row["vat"], by=by, name=label))
            row["product_voucher_split"].append(made[-1])
        for deposit in row["recycle_warranties"]:
            cut = split(
                voucher, -deposit["sale_price"], Decimal(0), by="seller", name=name, short=True
            )
            deposit["recycle_warranty_voucher_split"].append(cut)
    return made


def _deposits(product: Product, quantity: int, terms: Terms) -> list[dict[str, Any]]:
    if not product.deposit:
        return []
    kind = ("plastic", "sticlă", "aluminiu")[product.number % 3]
    return [
        {
            "quantity": quantity,
            "sale_price": terms.price(DEPOSIT),
            "vat_rate": Decimal(0),
            "product_name": f"Taxă SGR {kind}",
            "recycle_warranty_voucher_split": [],
        }
    ]


def _manuals(order: int, position: int) -> list[dict[str, Any]]:
    name = f"MANUAL-{order}-{position}.pdf"
    return [
        {
            "name": name,
            "url": f"https://files.example.invalid/{name}",
            "type": 4 if position % 2 else 8,
            "force_download": 0,
            "visibility": "public",
        }
    ]


def _serials(luck: int, quantity: int) -> str | None:
    if luck >> 34 & 7:
        return ""
    if luck >> 37 & 1:
        return None
    return ",".join(f"{luck % 10**10 + piece:015}" for piece in range(quantity))


def _campaign(luck: int) -> dict[str, Any] | None:
    if luck < 10:
        return None
    named = luck > 12
    return {"id": 300 + luck if named else None, "name": "Campanie de probă" if named else ""}
