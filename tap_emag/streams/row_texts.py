"""What one row of each table is, in a sentence."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_emag.streams.base import EmagStream

# What one row of a table is; the others have their stream's docstring.
ROWS = {
    "orders": "An order, as it is now.",
    "order_lines": "A product in an order.",
    "order_vouchers": "A voucher that was used in an order.",
    "order_voucher_splits": "The part of a voucher that falls on a line, a deposit or the shipping"
    " fee.",
    "order_attachments": "A document of an order or of a line: invoice, warranty, AWB.",
    "order_volumetry": "The measures of a product in an order.",
    "products": "An offer of the seller, as it is now or, if it is gone, as it was last.",
    "product_history": "A version of an offer's price, stock, status and rank.",
    "product_deletions": "An offer that was found gone, and when.",
    "commissions": "The commission eMAG takes of an offer.",
    "smart_deals": "The price at which an offer would carry the Smart Deals badge.",
    "returns": "A return, as it is now.",
    "return_lines": "A product in a return.",
    "return_events": "What happened to a return: a state, a refund, an action.",
    "awbs": "A shipment of a return.",
    "awb_parcels": "A parcel of a shipment.",
    "categories": "A category of eMAG's catalogue.",
    "category_characteristics": "A characteristic that offers of a category may or must have.",
    "category_family_types": "A family type: characteristics in which variants may differ.",
    "category_values": "A value that a characteristic may have.",
    "vat_rates": "A VAT rate.",
    "handling_times": "A handling time that an offer may have.",
    "localities": "A place that couriers deliver to.",
    "courier_accounts": "A courier account of the seller.",
    "addresses": "An address of the seller.",
    "awb_packages": "A package that the seller has predefined for shipments.",
    "invoice_categories": "A kind of invoice.",
    "invoices": "An invoice of eMAG to the seller.",
    "invoice_lines": "A line of an invoice of eMAG.",
    "customer_invoices": "An invoice of the seller to a customer.",
    "customer_invoice_lines": "A line of an invoice to a customer.",
    "rejected_rows": "A row that its table could not take, as it came.",
    "syncs": "What a run did with a stream.",
}


def row_text(stream: type[EmagStream]) -> str:
    """Return what one row of a table is, in a sentence."""
    row = ROWS.get(stream.table.name) or inspect.cleandoc(stream.__doc__ or "").partition("\n")[0]
    # A code list needs no more words than its code.
    row = row or next(
        c.description for c in stream.table.columns if c.name in stream.table.keys[2:]
    )
    return row if stream.selected_by_default else f"{row} Off by default."
