"""Turns one order of order/read into rows of five tables."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_emag.schema.child_lists import id_or_place, split_children
from tap_emag.schema.cleaning import items_of
from tap_emag.schema.keys import integer_or_none, key_of, text_of
from tap_emag.schema.table import unreported
from tap_emag.settings.account import Account
from tap_emag.streams.orders.table import (
    ORDER_ATTACHMENTS,
    ORDER_LINES,
    ORDER_VOUCHER_SPLITS,
    ORDER_VOUCHERS,
    ORDERS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_emag.schema.child_lists import Item, Row
    from tap_emag.schema.column_types import Clock
    from tap_emag.schema.table import Report

__all__ = [
    "ORDERS",
    "ORDER_ATTACHMENTS",
    "ORDER_LINES",
    "ORDER_VOUCHERS",
    "ORDER_VOUCHER_SPLITS",
    "Account",
    "OrderRows",
    "order_rows",
]


@dataclass(frozen=True)
class OrderRows:
    """One order's row, and the rows of its child tables."""

    order: Row
    lines: list[Row] = field(default_factory=list)
    vouchers: list[Row] = field(default_factory=list)
    voucher_splits: list[Row] = field(default_factory=list)
    attachments: list[Row] = field(default_factory=list)


def order_rows(
    raw: Mapping[str, Any],
    account: Account,
    clock: Clock,
    order_type: int,
    report: Report = unreported,
) -> OrderRows:
    """Turn one order into rows.

    Args:
        raw: The order as order/read returned it.
        account: The account it was read from.
        clock: The marketplace's clock.
        order_type: The requested type, used where the order has none.
        report: Called with each unknown or invalid key, by table.

    Returns:
        The order's rows, which contain every value of `raw` except nulls.
    """
    return _Order(raw, account, clock, order_type, report).rows


class _Order:
    """One order in progress: the values its child rows share, and the rows so far."""

    def __init__(
        self,
        raw: Mapping[str, Any],
        account: Account,
        clock: Clock,
        order_type: int,
        report: Report,
    ) -> None:
        self.clock = clock
        self.report = report
        kept: Row = {}
        children = {
            key: split_children(raw, key, ORDERS.name, kept, report) for key in ORDERS.children
        }
        given = account.columns()
        wire_type = integer_or_none(raw.get("type"))
        given["type"] = order_type if wire_type is None else wire_type
        given["id"] = key_of(raw, "id")
        order = ORDERS.row(raw, clock, given, report, kept)
        self.shared = {
            **account.columns(),
            "order_type": order["type"],
            "order_id": order["id"],
            "order_modified": order["modified"],
        }
        self.rows = OrderRows(order)
        self._lines(children["products"])
        self._vouchers(children["vouchers"])
        self._splits(children["shipping_tax_voucher_split"], "shipping")
        self._attachments(children["attachments"], 0)

    def _lines(self, lines: list[Item]) -> None:
        seen: set[int] = set()
        for position, raw in lines:
            # In other tables 0 means the order itself; made-up ids are negative.
            line_id = id_or_place(raw, "id", position, seen)
            kept: Row = {}
            splits = split_children(
                raw, "product_voucher_split", ORDER_LINES.name, kept, self.report
            )
            files = split_children(raw, "attachments", ORDER_LINES.name, kept, self.report)
            if raw.get("recycle_warranties"):
                raw = {**raw, "recycle_warranties": self._warranties(raw, line_id)}  # noqa: PLW2901
            given = {**self.shared, "id": line_id}
            self.rows.lines.append(ORDER_LINES.row(raw, self.clock, given, self.report, kept))
            self._splits(splits, "line", line_id)
            self._attachments(files, line_id)

    def _warranties(self, line: Mapping[str, Any], line_id: int) -> object:
        """Add rows of the deposits' discounts; return the deposits without them."""
        warranties = line["recycle_warranties"]
        if not isinstance(warranties, list | dict):
            return warranties
        key = "recycle_warranty_voucher_split"
        bare: list[Any] = []
        for position, item in enumerate(items_of(warranties), 1):
            if not isinstance(item, dict) or key not in item:
                bare.append(item)
                continue
            left: Row = {}
            splits = split_children(item, key, ORDER_LINES.name, left, self.report)
            bare.append({name: item[name] for name in item if name != key} | left)
            self._splits(splits, "recycle_warranty", line_id, position)
        return bare

    def _splits(self, splits: list[Item], level: str, line_id: int = 0, warranty: int = 0) -> None:
        for position, raw in splits:
            given = {
                **self.shared,
                "level": level,
                "order_line_id": line_id,
                "warranty_position": warranty,
                "position": position,
            }
            row = ORDER_VOUCHER_SPLITS.row(raw, self.clock, given, self.report)
            self.rows.voucher_splits.append(row)

    def _vouchers(self, vouchers: list[Item]) -> None:
        seen: Counter[int] = Counter()
        for _, raw in vouchers:
            voucher_id = integer_or_none(raw.get("voucher_id"))
            if voucher_id is None:
                voucher_id = integer_or_none(raw.get("id")) or 0
            seen[voucher_id] += 1
            given = {**self.shared, "voucher_id": voucher_id, "position": seen[voucher_id]}
            row = ORDER_VOUCHERS.row(raw, self.clock, given, self.report)
            self.rows.vouchers.append(row)

    def _attachments(self, files: list[Item], line_id: int) -> None:
        if not files:
            return
        seen: Counter[str] = Counter()
        for _, raw in files:
            url_hash = hashlib.sha256(text_of(raw.get("url")).encode()).hexdigest()
            seen[url_hash] += 1
            given = {
                **self.shared,
                "order_line_id": line_id,
                "url_hash": url_hash,
                "position": seen[url_hash],
            }
            row = ORDER_ATTACHMENTS.row(raw, self.clock, given, self.report)
            self.rows.attachments.append(row)
