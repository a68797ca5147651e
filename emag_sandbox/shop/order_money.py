"""Sums the amounts of an order: what is due, cashed and refunded, and what vouchers take off.

The heads of an order follow from its parts: lines and shipping without VAT or with it as eMAG sends
them, deposits, and voucher splits on all three levels.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.shop.catalogue import CENTI

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

ZERO: Final = Decimal(0)
CASH, CARD = "RAMBURS", "CARD online"
CANCELLED: Final = 0


def settle(row: dict[str, Any], kept: Container[str] = ()) -> None:
    """Set the amounts in an order's head to what its parts add up to, except those `kept`.

    `cashed_co` is due when the order is paid by card, `cashed_cod` when eMAG has the cash, which
    `payment_status` shows. Refunded is the part of each line that came back, and all that was
    cashed of a cancelled order.
    """
    whole, card = due(row), paid_by_card(row)
    cash = row["payment_mode"] == CASH and row["payment_status"] == 1
    back = part_returned(row).quantize(CENTI)
    amounts = {
        "cashed_co": whole if card else row["cashed_co"],
        "cashed_cod": whole if cash else ZERO,
        "refunded_amount": (whole if card or cash else ZERO)
        if row["status"] == CANCELLED
        else back,
    }
    row.update({name: amount for name, amount in amounts.items() if name not in kept})
    for voucher in () if "vouchers" in kept else row["vouchers"]:
        cuts = [each for each in splits(row) if each["voucher_id"] == voucher["voucher_id"]]
        voucher["sale_price"] = sum((each["value"] for each in cuts), ZERO)
        voucher["sale_price_vat"] = sum((each["vat_value"] for each in cuts), ZERO)


def paid_by_card(row: dict[str, Any]) -> bool:
    """Whether an order is paid by card online: its lines cannot be edited (documented)."""
    return bool(row["payment_mode"] == CARD)


def due(row: dict[str, Any]) -> Decimal:
    """What the customer pays for an order as it was placed, VAT and shipping included."""
    total: Decimal = row["shipping_tax"]
    for line in row["products"]:
        total += line_due(line)
    for cut in row["shipping_tax_voucher_split"]:
        total += cut["value"] + cut["vat_value"]
    return total.quantize(CENTI)


def line_due(line: dict[str, Any]) -> Decimal:
    """What the customer pays for a line as it was ordered: VAT and deposits in, vouchers off."""
    total: Decimal = line["sale_price"] * line["initial_qty"] * (1 + line["vat"])
    for each in line["recycle_warranties"]:
        total += each["sale_price"] * each["quantity"] * (1 + each["vat_rate"])
    for cut in line_splits(line):
        total += cut["value"] + cut["vat_value"]
    return total


def part_returned(row: dict[str, Any]) -> Decimal:
    """What the customer gets back for the pieces of an order that came back."""
    total = ZERO
    for line in row["products"]:
        if line["storno_qty"]:
            total += line_due(line) * line["storno_qty"] / line["initial_qty"]
    return total


def splits(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every voucher split of an order: of lines, deposits and shipping."""
    for line in row["products"]:
        yield from line_splits(line)
    yield from row["shipping_tax_voucher_split"]


def line_splits(line: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every voucher split of a line and its deposits."""
    yield from line["product_voucher_split"]
    for deposit in line["recycle_warranties"]:
        yield from deposit["recycle_warranty_voucher_split"]
