"""Returns and AWBs as eMAG writes them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.wire.encoder import plan, salted, with_nul
from emag_sandbox.wire.tree import alone, dressed, shape

if TYPE_CHECKING:
    from emag_sandbox.shop.localtime import LocalTime
    from emag_sandbox.wire.encoder import Encoder, Style

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NUL_SHARE: Final = 3
RETURN: Final = shape(
    plan(
        id="order_id replacement_product_id return_parent_id? pickup_address_id?",
        int="""emag_id type pickup_method pickup_locality_id? replacement_product_emag_id?
            replacement_product_quantity request_status request_status_reason? return_type
            return_reason return_address_id? vendor_id?""",
        flag="is_full_fbe is_club is_fast finalized_with_incident",
        money="return_tax_value",
        time="date",
        text="""customer_name? customer_company? customer_phone? pickup_zipcode?
            customer_account_iban? customer_account_bank? customer_account_beneficiary?
            replacement_product_name? observations? swap? return_address_snapshot?""",
    ),
    products=shape(
        plan(
            id="product_id quantity",
            int="id product_emag_id? return_reason reject_reason?",
            money="retained_amount refund_value?",
            text="observations? diagnostic?",
        )
    ),
    extra_info=shape(plan(text="estimated_product_pickup? estimated_product_reception?")),
    awbs=shape(plan(int="reservation_id")),
    status_history=shape(
        plan(time="event_date"),
        requests=shape(plan(id="rma_id", money="amount", time="created status_date")),
    ),
    request_history=shape(plan(int="id")),
    locker=shape(plan(time="locker_pin_interval_end")),
)
AWB: Final = shape(
    plan(int="emag_id type weight awb_type", id="order_id rma_id", money="cash_on_delivery"),
    awb=shape(plan(int="emag_id")),
    status=shape(),
    courier=shape(plan(int="courier_id", id="courier_account_id")),
)


def return_wire(
    encoder: Encoder, local: LocalTime, row: dict[str, Any], salt: int, style: Style
) -> bytes:
    """A return as JSON."""
    out = dressed(encoder, row, RETURN, salt, style)
    for each, was in zip(out["request_history"], row["request_history"], strict=True):
        each["date"] = spoken(local, was["date"])
    _documented(row, out, local)
    if style.nul and salt % NUL_SHARE == 0:
        out["observations"] = with_nul(out.get("observations"))
    return encoder.encode(out, style)


def _documented(row: dict[str, Any], out: dict[str, Any], local: LocalTime) -> None:
    """Leave out documented keys that clients have never seen, where the return has none."""
    for name in ("vendor_id", "pickup_address_id", "pickup_date"):
        if row[name] is None:
            out.pop(name, None)
    if isinstance(row["pickup_date"], int):
        out["pickup_date"] = local.text(row["pickup_date"])
    for line, was in zip(out["products"], row["products"], strict=True):
        if was["refund_value"] is None:
            line.pop("refund_value", None)
        if was["diagnostic"] and was["diagnostic"].isdecimal():
            line["diagnostic"] = int(was["diagnostic"])


def awb_wire(encoder: Encoder, row: dict[str, Any], salt: int, style: Style) -> bytes:
    """An AWB as JSON, with or without a list around it and around two of its objects."""
    out: dict[str, Any] = dressed(encoder, row, AWB, salt, style)
    out["status"] = alone(out["status"], style.as_documented(salt >> 50))
    out["courier"] = alone(out["courier"], style.as_documented(salt >> 53))
    body = encoder.encode(out, style)
    return b"[" + body + b"]" if salted(salt, 99) & 1 else body


def spoken(local: LocalTime, instant: int) -> str:
    """A time as in the history of a return: `3 Feb 2025, 14:05`."""
    shown = time.gmtime(local.naive(instant))
    month = MONTHS[shown.tm_mon - 1]
    return f"{shown.tm_mday} {month} {shown.tm_year}, {shown.tm_hour:02}:{shown.tm_min:02}"
