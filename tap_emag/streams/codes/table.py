"""Defines what eMAG's codes mean: one table for each list.

The codes are those of eMAG's API documentation 4.5.1, the same for every account; the labels are
the tap's own words. eMAG adds codes, so a code in a row may be missing here. A flag, which is 0 or
1 on the wire, is a boolean column and has no list.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import FLAG, INTEGER, TEXT
from tap_emag.schema.table import FROM_CALLER, Column, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.settings.account import Account


LABEL = Column("label", TEXT, "What the code means, in English, in the tap's words.", FROM_CALLER)
SELLABLE = Column("sellable", FLAG, "Whether an offer in this state can be sold.", FROM_CALLER)


@dataclass(frozen=True, eq=False)
class CodeTable:
    """A table of codes, and its rows without the account."""

    table: Table
    entries: tuple[tuple[Any, ...], ...]

    def rows(self, account: Account) -> list[dict[str, Any]]:
        """Return the table's rows, for the account whose rows they explain."""
        names = [column.name for column in self.table.columns[len(ACCOUNT_COLUMNS) :]]
        return [
            {**account.columns(), **dict(zip(names, entry, strict=True))} for entry in self.entries
        ]


def _codes(
    name: str, used: str, *entries: tuple[Any, ...], more: tuple[Column, ...] = ()
) -> CodeTable:
    """Return a table of codes.

    Args:
        name: The table's name.
        used: The columns of other tables that contain the codes.
        entries: Code, label, and the values of `more`. Codes are all numbers or all texts.
        more: Columns beyond these.
    """
    kind = TEXT if isinstance(entries[0][0], str) else INTEGER
    code = Column("code", kind, f"Code as used in {used}.", FROM_CALLER)
    columns = (*ACCOUNT_COLUMNS, code, LABEL, *more)
    return CodeTable(Table(name, (*ACCOUNT_KEYS, "code"), columns), entries)


def _return_reasons() -> tuple[tuple[int, str, int, int | None, bool], ...]:
    """Return eMAG's tree of return reasons: code, label, level, parent, whether a note is due."""
    text = files(__package__).joinpath("return_reasons.csv").read_text(encoding="utf-8")
    rows = {row["code"]: row for row in csv.DictReader(text.splitlines())}
    return tuple(
        (
            int(row["code"]),
            row["label"],
            _level(row, rows),
            int(row["parent_code"]) if row["parent_code"] else None,
            row["note_required"] == "1",
        )
        for row in rows.values()
    )


def _level(row: Mapping[str, str], rows: Mapping[str, Mapping[str, str]]) -> int:
    return 1 + _level(rows[row["parent_code"]], rows) if row["parent_code"] else 1


_ORDERS = (
    _codes(
        "order_statuses",
        "`status` of orders",
        (0, "cancelled"),
        (1, "new"),
        (2, "in progress"),
        (3, "prepared"),
        (4, "finalized"),
        (5, "returned"),
    ),
    _codes(
        "order_types",
        "`type` of orders, returns and awbs",
        (2, "sent by eMAG from its own stock"),
        (3, "sent by the seller"),
    ),
    _codes(
        "order_line_statuses",
        "`status` of order_lines",
        (0, "cancelled"),
        (1, "active"),
    ),
    _codes(
        "payment_modes",
        "`payment_mode_id` of orders",
        (1, "cash on delivery"),
        (2, "bank transfer"),
        (3, "card online"),
    ),
    _codes(
        "payment_statuses",
        "`payment_status` of orders",
        (0, "not paid"),
        (1, "paid"),
    ),
    _codes(
        "delivery_modes",
        "`delivery_mode` of orders; others occur",
        ("courier", "to the customer's door"),
        ("pickup", "to a locker"),
    ),
    _codes(
        "genders",
        "gender inside `customer` of orders",
        ("F", "female"),
        ("M", "male"),
    ),
    _codes(
        "discount_sponsors",
        "`offered_by` of order_voucher_splits",
        ("eMAG", "eMAG pays for the discount"),
        ("seller", "the seller pays for the discount"),
    ),
    _codes(
        "cancellation_reasons",
        "`reason_cancellation_id` of orders",
        (1, "out of stock"),
        (2, "cancelled by the client"),
        (3, "client could not be reached"),
        (15, "delivery by courier takes too long"),
        (16, "shipping fee too high"),
        (17, "long wait for restocking"),
        (18, "better offer elsewhere"),
        (19, "order not paid"),
        (20, "not delivered by the courier"),
        (21, "other"),
        (22, "incomplete order, cancelled automatically"),
        (23, "client changed their mind"),
        (24, "at the customer's request"),
        (25, "failed delivery"),
        (26, "late shipment"),
        (27, "irrelevant order"),
        (28, "cancelled by an administrator for the seller"),
        (29, "customer is blacklisted"),
        (30, "no invoice with VAT"),
        (31, "partner asked for it"),
        (32, "estimated delivery takes too long"),
        (33, "out of the partner's stock"),
        (34, "other"),
        (35, "delivery too expensive"),
        (36, "cheaper elsewhere"),
        (37, "similar order placed"),
        (38, "no longer needed"),
        (39, "only in instalments"),
        (40, "other (EIS)"),
        (41, "out of stock, only in instalments"),
        (42, "out of the partner's stock, only in instalments"),
        (43, "estimate takes too long"),
    ),
    _codes(
        "attachment_types",
        "`type` of order_attachments",
        (1, "invoice"),
        (3, "warranty"),
        (4, "user manual"),
        (8, "user guide"),
        (10, "AWB"),
        (11, "proforma invoice"),
    ),
)

_OFFERS = (
    _codes(
        "offer_statuses",
        "`status` of products",
        (0, "inactive", False),
        (1, "active", True),
        (2, "end of life", False),
        more=(SELLABLE,),
    ),
    _codes(
        "offer_validation_statuses",
        "`offer_validation_status` of products",
        (1, "price may be sold at", True),
        (2, "price refused", False),
        more=(SELLABLE,),
    ),
    _codes(
        "validation_statuses",
        "`validation_status` and `translation_validation_status` of products",
        (0, "draft", False, False),
        (1, "in validation by the marketplace", False, False),
        (2, "in validation of the brand", False, False),
        (3, "waits for the EAN conflict to be solved", True, False),
        (4, "new documentation waits for approval", False, False),
        (5, "brand rejected", False, False),
        (6, "EAN rejected", False, False),
        (7, "removed, does not exist", False, False),
        (8, "documentation rejected", False, False),
        (9, "approved", True, False),
        (10, "blocked", False, False),
        (11, "update waits for approval", True, False),
        (12, "update rejected", True, False),
        (13, "translation waits for an offer that can be sold", False, True),
        (14, "translation failed", False, True),
        (15, "translation in progress", False, True),
        (16, "translation queued", False, True),
        (17, "translated in part", True, True),
        more=(
            SELLABLE,
            Column(
                "translation_only",
                FLAG,
                "Whether the code occurs in `translation_validation_status` alone.",
                FROM_CALLER,
            ),
        ),
    ),
    _codes(
        "genius_eligibility_types",
        "`genius_eligibility_type` and `genius_computed` of products",
        (0, "none"),
        (1, "full"),
        (2, "locker (EasyBox)"),
        (3, "home delivery"),
    ),
    _codes(
        "content_ownerships",
        "`ownership_code` of products",
        (1, "the seller may change the product's content"),
        (2, "the seller may not change the product's content"),
    ),
    _codes(
        "image_display_types",
        "display_type inside `images` of products",
        (0, "other"),
        (1, "main"),
        (2, "secondary"),
    ),
    _codes(
        "characteristic_types",
        "`type_id` of category_characteristics",
        (1, "number", False),
        (2, "number and unit", True),
        (11, "text of at most 255 characters", True),
        (20, "yes, no or not applicable", False),
        (30, "resolution: width and height", True),
        (40, "volume: width, height and depth", True),
        (60, "size", False),
        more=(
            Column(
                "takes_several",
                FLAG,
                "Whether a product may have several values of the characteristic.",
                FROM_CALLER,
            ),
        ),
    ),
    _codes(
        "family_displays",
        "`characteristic_family_type_id` of category_family_types",
        (1, "thumbnails"),
        (2, "combobox"),
        (3, "graphic selection"),
    ),
    _codes(
        "category_languages",
        "the setting `category_language`",
        ("BG", "Bulgarian"),
        ("DE", "German"),
        ("EN", "English"),
        ("GR", "Greek"),
        ("HU", "Hungarian"),
        ("PL", "Polish"),
        ("RO", "Romanian"),
    ),
)

_RETURNS = (
    _codes(
        "return_statuses",
        "`request_status` of returns",
        (1, "incomplete", True),
        (2, "new", True),
        (3, "acknowledged", True),
        (4, "refused", False),
        (5, "cancelled", False),
        (6, "received", True),
        (7, "finalized", False),
        more=(
            Column(
                "is_open", FLAG, "Whether the return can still change; false is final.", FROM_CALLER
            ),
        ),
    ),
    _codes(
        "return_types",
        "`return_type` of returns",
        (1, "the same product"),
        (2, "a different product"),
        (3, "refund"),
        (4, "cancel the payment contract"),
        (5, "voucher"),
    ),
    _codes(
        "return_reasons",
        "`return_reason` of returns and return_lines, which contain the deepest reason chosen",
        *_return_reasons(),
        more=(
            Column(
                "level",
                INTEGER,
                "Level in eMAG's tree of reasons: 1 for the topmost, 3 for the deepest.",
                FROM_CALLER,
            ),
            Column(
                "parent_code",
                INTEGER,
                "Reason that this one is part of, `code` of another row; null for the topmost.",
                FROM_CALLER,
            ),
            Column(
                "note_required",
                FLAG,
                "Whether a customer who chooses it has to explain it in `observations`.",
                FROM_CALLER,
            ),
        ),
    ),
    _codes(
        "pickup_methods",
        "`pickup_method` of returns",
        (1, "eMAG's courier"),
        (2, "the seller's courier"),
        (3, "sent by the client"),
    ),
    _codes(
        "awb_types",
        "`awb_type` of awbs",
        (1, "delivery to the customer"),
        (2, "pickup from the customer"),
    ),
    _codes(
        "awb_status_codes",
        "`status_code` of awbs. eMAG documents this one as an example, and no list",
        ("DLV", "delivered"),
    ),
)

_SHIPPING = (
    _codes(
        "courier_account_types",
        "`courier_account_type` of courier_accounts",
        (1, "returns"),
        (2, "orders"),
        (3, "orders and returns"),
        (4, "outside the marketplace"),
    ),
    _codes(
        "courier_account_properties",
        "the lists in `courier_account_properties` of courier_accounts",
        (0, "home delivery"),
        (2, "lockers"),
        (6, "offices"),
        (8, "across borders"),
        (9, "BPO"),
    ),
    _codes(
        "address_types",
        "`address_type_id` of addresses",
        (1, "return"),
        (2, "pickup"),
        (3, "invoices (head office)"),
        (4, "estimates of delivery"),
    ),
    _codes(
        "locality_countries",
        "`country_code` of localities, and in the setting `locality_countries`",
        ("BG", "Bulgaria"),
        ("DE", "Germany"),
        ("EL", "Greece"),
        ("HU", "Hungary"),
        ("PL", "Poland"),
        ("RO", "Romania"),
    ),
    _codes(
        "package_labels",
        "`label` of awb_packages",
        ("L", "large"),
        ("M", "medium"),
        ("S", "small"),
        ("XL", "extra large"),
        ("XS", "extra small"),
    ),
)

_MONEY = (
    _codes(
        "invoice_category_codes",
        "`category` of invoices: the examples that eMAG documents; invoice_categories has all",
        ("FC", "commission"),
        ("FCA", "cancelled commission"),
        ("FCD", "discount on commission"),
        ("FCSA", "storno of a cancelled commission"),
        ("FTA", "cancelled transport"),
    ),
    _codes(
        "customer_invoice_categories",
        "`category` of customer_invoices",
        ("normal", "invoice"),
        ("storno", "takes another invoice back"),
    ),
    _codes(
        "currencies",
        "`currency` of orders, lines, offers, returns, shipments and invoices",
        ("BGN", "Bulgarian lev, in Bulgaria until the end of 2025"),
        ("EUR", "euro, in Bulgaria from 2026 on"),
        ("HUF", "Hungarian forint"),
        ("RON", "Romanian leu"),
    ),
)

CODE_TABLES: tuple[CodeTable, ...] = (*_ORDERS, *_OFFERS, *_RETURNS, *_SHIPPING, *_MONEY)
