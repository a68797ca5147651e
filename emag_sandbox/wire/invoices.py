"""Invoices as eMAG writes them, in the envelope of the day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.wire.encoder import plan, with_nul
from emag_sandbox.wire.tree import dressed, shape

if TYPE_CHECKING:
    from emag_sandbox.wire.encoder import Encoder, Style

NUL_SHARE: Final = 3
LINE: Final = shape(plan(amount="quantity unit_price vat_rate value vat_value"))
INVOICE: Final = shape(
    plan(
        int="payment_term",
        id="order_id",
        flag="is_storno",
        amount="total_without_vat total_vat_value total_with_vat",
        text="reversal_for?",
    ),
    supplier=shape(),
    customer=shape(),
    lines=LINE,
)


def invoice_wire(encoder: Encoder, row: dict[str, Any], salt: int, style: Style) -> bytes:
    """An invoice, of either kind, as JSON."""
    out = dressed(encoder, row, INVOICE, salt, style)
    if style.nul and salt % NUL_SHARE == 0:
        out["customer"]["name"] = with_nul(out["customer"]["name"])
    return encoder.encode(out, style)
