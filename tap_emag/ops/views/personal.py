"""Names the columns that may contain personal data. One view alone shows some of them."""

from __future__ import annotations

from typing import Final

PERSONAL: Final[dict[str, tuple[str, ...]]] = {
    "orders": ("customer", "observation", "details"),
    "order_attachments": ("name", "url"),
    "returns": (
        *("customer_name", "customer_company", "customer_phone", "customer_email"),
        *("customer_account_iban", "customer_account_bank", "customer_account_beneficiary"),
        *("pickup_country", "pickup_suburb", "pickup_city", "pickup_address", "pickup_zipcode"),
        *("pickup_locality_id", "pickup_address_id", "locker", "observations"),
    ),
    "return_lines": ("observations",),
    "return_events": ("user_name",),
    "customer_invoices": ("customer", "customer_cif"),
    "rejected_rows": ("row",),
}
UNSHOWN: Final = ("extra",)  # what eMAG sends beyond the columns: read it in the table, by its key


def may_be_personal(table: str, column: str) -> bool:
    """Return whether views leave the column out."""
    return column in PERSONAL.get(table, ()) or column in UNSHOWN
