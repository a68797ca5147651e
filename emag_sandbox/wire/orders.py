"""Orders as eMAG writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.wire.encoder import plan, salted, with_nul
from emag_sandbox.wire.tree import dressed, holed, shape

if TYPE_CHECKING:
    from emag_sandbox.wire.encoder import Encoder, Plan, Style

ORDER: Final = plan(
    int="id type status payment_mode_id parent_id? payment_status",
    flag="""is_complete is_storno? has_editable_products late_shipment? emag_club
        weekend_delivery""",
    money="cashed_co? cashed_cod shipping_tax refunded_amount",
    time="""date created? modified cancellation_request maximum_date_for_shipment?
        finalization_date?""",
    text="observation? refund_status? delivery_payment_mode?",
)
CUSTOMER: Final = plan(
    int="id mkt_id",
    id="billing_locality_id? shipping_locality_id?",
    flag="legal_entity is_vat_payer",
    time="created modified",
    text="fax? liable_person?",
)
LINE: Final = plan(
    id="product_id",
    int="id mkt_id status quantity initial_qty storno_qty",
    money="sale_price original_price vat retained_amount",
    flag="reversible_vat_charging?",
    time="created modified",
    text="serial_numbers?",
)
DEPOSIT: Final = plan(int="quantity", money="sale_price vat_rate")
SPLIT: Final = plan(int="voucher_id", money="value vat_value vat", text="voucher_name?")
VOUCHER: Final = plan(
    id="id voucher_id status", money="sale_price sale_price_vat vat", time="created modified"
)
VOLUMETRY: Final = shape(
    plan(id="order_id", int="type"),
    volumetric_data=shape(plan(id="product_id", money="weight length width height")),
)
PAPER: Final = plan(int="type order_id? order_product_id? order_type?", id="force_download")
LOCKER: Final = plan(flag="locker_delivery_eligible")
CAMPAIGN: Final = plan(int="id")
FLAG_ROW: Final = plan()
NUL_SHARE: Final = 3


def order_wire(encoder: Encoder, row: dict[str, Any], salt: int, style: Style) -> bytes:
    """An order as JSON."""

    def dressed(rows: list[dict[str, Any]], shape: Plan, start: int) -> list[dict[str, Any]]:
        return [
            encoder.dress(each, shape, salted(salt, start + place), style)
            for place, each in enumerate(rows)
        ]

    out = encoder.dress(row, ORDER, salt, style)
    if row["customer"] is not None:
        out["customer"] = encoder.dress(row["customer"], CUSTOMER, salted(salt, 1), style)
    out["products"] = [
        _line(encoder, line, salted(salt, 2 + place), style)
        for place, line in enumerate(row["products"])
    ]
    out["attachments"] = dressed(row["attachments"], PAPER, 20)
    out["shipping_tax_voucher_split"] = dressed(row["shipping_tax_voucher_split"], SPLIT, 30)
    vouchers = dressed(row["vouchers"], VOUCHER, 40)
    out["vouchers"] = vouchers[0] if len(vouchers) == 1 and salt >> 3 & 3 == 0 else vouchers
    out["flags"] = dressed(row["flags"], FLAG_ROW, 50)
    out["details"] = encoder.dress(row["details"], LOCKER, salted(salt, 60), style)
    if not row["details"] and salt >> 6 & 1:
        out["details"] = []
    if salt >> 9 & 15 == 0 and row["date"] is not None and style.scalars == "mixed":
        out["date"] = row["date"]
    if style.as_documented(salt >> 25):
        for name in ("customer", "details"):
            out[name] = [out[name]] if out[name] else out[name]
    _quirks(row, out, salt)
    if style.nul and salt % NUL_SHARE == 0:
        out["observation"] = with_nul(out.get("observation"))
        out["products"][0]["name"] = with_nul(out["products"][0]["name"])
    return encoder.encode(out, style)


def _line(encoder: Encoder, row: dict[str, Any], salt: int, style: Style) -> dict[str, Any]:
    out = encoder.dress(row, LINE, salt, style)
    for name, form in (
        ("attachments", PAPER),
        ("product_voucher_split", SPLIT),
        ("recycle_warranties", DEPOSIT),
    ):
        if row[name]:
            out[name] = [
                encoder.dress(each, form, salted(salt, place), style)
                for place, each in enumerate(row[name])
            ]
    for place, deposit in enumerate(out["recycle_warranties"]):
        deposit["recycle_warranty_voucher_split"] = [
            encoder.dress(each, SPLIT, salted(salt, 9 + place), style)
            for each in deposit["recycle_warranty_voucher_split"]
        ]
    if row["campaign"] is not None:
        out["campaign"] = encoder.dress(row["campaign"], CAMPAIGN, salted(salt, 8), style)
    elif salt >> 5 & 3 == 0:
        del out["campaign"]
    return out


def volumetry_wire(encoder: Encoder, row: dict[str, Any], salt: int, style: Style) -> bytes:
    """The measures of an order's products as JSON."""
    out: dict[str, Any] = dressed(encoder, row, VOLUMETRY, salt, style)
    out["volumetric_data"] = holed(out["volumetric_data"], salt >> 40)
    return encoder.encode(out, style)


def _quirks(row: dict[str, Any], out: dict[str, Any], salt: int) -> None:
    reason = row["reason_cancellation"]
    if reason is not None and reason["name"] is None:
        out["reason_cancellation"] = reason["id"]
    accounts = row["enforced_vendor_courier_accounts"]
    if accounts:
        out["enforced_vendor_courier_accounts"] = [
            str(each) if salt >> place & 1 else each for place, each in enumerate(accounts)
        ]
    if out["attachments"] == [] and salt >> 13 & 15 == 0:
        out["attachments"] = None
    if row["vouchers"] == [] and salt >> 17 & 15 == 0:
        out["vouchers"] = None
    if row["shipping_tax_voucher_split"] == [] and salt >> 21 & 15 == 0:
        del out["shipping_tax_voucher_split"]
