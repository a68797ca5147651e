"""Defines what eMAG's codes mean: one table for each list.

The lists are copied from eMAG's documentation and are the same for every account. eMAG adds codes,
so a code in a row may be missing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import FLAG, INTEGER, TEXT
from tap_emag.schema.table import FROM_CALLER, Column, Table

if TYPE_CHECKING:
    from tap_emag.settings.account import Account


LABEL = Column("label", TEXT, "What the code means, in English.", FROM_CALLER)
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
        entries: Code, label, and the values of `more`.
        more: Columns beyond these.
    """
    code = Column("code", INTEGER, f"Code as used in {used}.", FROM_CALLER)
    columns = (*ACCOUNT_COLUMNS, code, LABEL, *more)
    return CodeTable(Table(name, (*ACCOUNT_KEYS, "code"), columns), entries)


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
        "`type` of orders and returns",
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
        (4, "manual"),
        (8, "guide"),
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
        "image_display_types",
        "display_type inside `images` of products",
        (0, "other"),
        (1, "main"),
        (2, "secondary"),
    ),
    _codes(
        "characteristic_types",
        "`type_id` of category_characteristics",
        (1, "number"),
        (2, "number and unit"),
        (11, "text"),
        (20, "yes or no"),
        (30, "resolution"),
        (40, "volume"),
        (60, "size"),
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
        "`return_reason` of returns and return_lines. Only the topmost of three levels is"
        " documented; rows contain the deepest reason chosen, up to 222",
        (30, "sealed product", 1),
        (31, "working product", 1),
        (32, "product does not work", 1),
        (34, "size", 1),
        (35, "not as expected", 1),
        (36, "differs from the site", 1),
        (37, "defective or incomplete", 1),
        (38, "ordered in several sizes", 1),
        (39, "wrong product", 1),
        (40, "damaged parcel", 1),
        (134, "gift", 1),
        (135, "unspecified", 1),
        (175, "dissatisfied", 1),
        more=(
            Column(
                "level",
                INTEGER,
                "Level in eMAG's tree of reasons, 1 for the topmost.",
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
        (1, "to the customer"),
        (2, "from the customer"),
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
        (3, "head office"),
        (4, "estimates of delivery"),
    ),
)

CODE_TABLES: tuple[CodeTable, ...] = (*_ORDERS, *_OFFERS, *_RETURNS, *_SHIPPING)
