"""Which columns contain codes, and of which code table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from tap_emag.streams.codes.table import CODE_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAMES: Final = {
    each.table.name: frozenset(entry[0] for entry in each.entries) for each in CODE_TABLES
}
# By resource, and by what the rows of a reply are turned into: the column and its code table.
CODED: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "order": {
        "order": {
            "status": "order_statuses",
            "payment_mode_id": "payment_modes",
            "payment_status": "payment_statuses",
            "delivery_mode": "delivery_modes",
            "reason_cancellation_id": "cancellation_reasons",
        },
        "lines": {"status": "order_line_statuses"},
        "attachments": {"type": "attachment_types"},
        "voucher_splits": {"offered_by": "discount_sponsors"},
    },
    "product_offer": {
        "": {
            "status": "offer_statuses",
            "offer_validation_status": "offer_validation_statuses",
            "validation_status": "validation_statuses",
            "translation_validation_status": "validation_statuses",
            "genius_eligibility_type": "genius_eligibility_types",
            "genius_computed": "genius_eligibility_types",
        }
    },
    "rma": {
        "return_row": {
            "request_status": "return_statuses",
            "return_type": "return_types",
            "return_reason": "return_reasons",
            "pickup_method": "pickup_methods",
        },
        "lines": {"return_reason": "return_reasons"},
    },
    "awb": {"awb": {"awb_type": "awb_types", "status_code": "awb_status_codes"}},
    "courier_accounts": {"": {"courier_account_type": "courier_account_types"}},
    "addresses": {"": {"address_type_id": "address_types"}},
    "category": {"characteristics": {"type_id": "characteristic_types"}},
    "locality": {"": {"country_code": "locality_countries"}},
    "awb/package": {"": {"label": "package_labels"}},
    "invoice": {"invoice": {"category": "invoice_category_codes"}},
    "customer-invoice": {"invoice": {"category": "customer_invoice_categories"}},
}


class Codes:
    """The codes that have no name in the tap's code tables, by column."""

    def __init__(self) -> None:
        """Begin without any."""
        self._unnamed: dict[str, set[Any]] = defaultdict(set)

    def look(self, resource: str, placed: object) -> None:
        """Note the codes in what one row of a resource was turned into."""
        for part, columns in CODED.get(resource, {}).items():
            for row in _rows(placed, part):
                for column, codes in columns.items():
                    value = row.get(column)
                    if value is not None and value not in NAMES[codes]:
                        self._unnamed[f"{column} of {resource}"].add(value)

    def text(self) -> str:
        """Return how many codes without a name each column has, "" for none."""
        return ", ".join(f"{name}: {len(self._unnamed[name])}" for name in sorted(self._unnamed))


def _rows(placed: object, part: str) -> Iterator[Mapping[str, Any]]:
    if not part and isinstance(placed, dict):
        yield placed
    elif is_dataclass(placed) and part in {each.name for each in fields(placed)}:
        found = getattr(placed, part)
        yield from found if isinstance(found, list) else [found]
