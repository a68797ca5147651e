"""Offers as eMAG writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.wire.encoder import plan, salted, with_nul

if TYPE_CHECKING:
    from emag_sandbox.wire.encoder import Encoder, Style

OFFER: Final = plan(
    int="""id category_id? vendor_category_id? status warranty general_stock estimated_stock vat_id
        number_of_offers buy_button_rank? genius_eligibility_type? genius_computed?""",
    money="""sale_price recommended_price min_sale_price? max_sale_price? best_offer_sale_price?
        best_offer_recommended_price? main_offer_price? offer_price_other_currency""",
    flag="genius_eligibility auto_translated recycleWarranties",
    truth="reversible_vat_charging has_smart_deals_badge?",
    text="""part_number_key? name? brand? description? brand_name? currency_type? doc_errors?
        rrp_guidelines? safety_information?""",
)
STORED: Final = plan(int="warehouse_id value id")
IMAGE: Final = plan(int="display_type")
CHARACTERISTIC: Final = plan(int="id")
FAMILY: Final = plan(int="id family_type_id")
DETAILS: Final = plan(int="id warranty_type supply_lead_time", flag="emag_club")
COMMISSION: Final = plan(money="value")
VALIDATION: Final = plan(int="value")
NUL_SHARE: Final = 5
LISTS: Final = (
    ("stock", STORED),
    ("handling_time", STORED),
    ("availability", STORED),
    ("images", IMAGE),
    ("characteristics", CHARACTERISTIC),
    ("validation_status", VALIDATION),
    ("translation_validation_status", VALIDATION),
)
OBJECTS: Final = (
    ("family", FAMILY),
    ("offer_details", DETAILS),
    ("commission", COMMISSION),
    ("offer_validation_status", VALIDATION),
)


def offer_wire(
    encoder: Encoder, row: dict[str, Any], salt: int, style: Style, *, alone: bool
) -> bytes:
    """An offer as JSON; `alone` when the request filtered by one id, which changes two types."""
    out = encoder.dress(row, OFFER, salt, style)
    _dress_children(encoder, row, out, salt, style)
    if not alone:
        out["manufacturer"] = bool(row["manufacturer"])
        out["eu_representative"] = bool(row["eu_representative"])
    if style.as_documented(salt >> 11):
        # The documentation numbers what production sends as a boolean.
        out["ownership"] = 1 if row["ownership"] else 2
    _shape(out, salt, style)
    if style.nul and salt % NUL_SHARE == 0:
        out["description"] = with_nul(out.get("description"))
    return encoder.encode(out, style)


def _dress_children(
    encoder: Encoder, row: dict[str, Any], out: dict[str, Any], salt: int, style: Style
) -> None:
    for start, (name, shape) in enumerate(LISTS):
        out[name] = [
            encoder.dress(each, shape, salted(salt, start * 16 + place), style)
            for place, each in enumerate(row[name])
        ]
    for start, (name, shape) in enumerate(OBJECTS):
        if row[name]:
            out[name] = encoder.dress(row[name], shape, salted(salt, 200 + start), style)
        elif row[name] is not None:
            out[name] = []
    for name in ("content_details", "offer_properties"):
        if row[name] == {}:
            out[name] = []


def _shape(out: dict[str, Any], salt: int, style: Style) -> None:
    """Spell validations, and write lists of one, as the documentation does."""
    if not style.as_documented(salt >> 7):
        return
    for name in ("family", "offer_validation_status"):
        if out[name]:
            out[name] = [out[name]]
    for name in ("validation_status", "translation_validation_status", "offer_validation_status"):
        for each in out[name]:
            each["Description"] = each.pop("description")
