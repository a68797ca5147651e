"""Categories, localities, accounts and fees as eMAG writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.wire.encoder import plan, salted, with_nul
from emag_sandbox.wire.tree import dressed, holed, shape

if TYPE_CHECKING:
    from emag_sandbox.wire.encoder import Encoder, Style

NUL_SHARE: Final = 5
CATEGORY: Final = shape(
    plan(
        int="id scm_id parent_id",
        flag="is_allowed is_ean_mandatory is_warranty_mandatory",
    ),
    characteristics=shape(
        plan(
            int="id type_id display_order",
            flag="is_mandatory is_mandatory_for_mktp is_filter allow_new_value",
        )
    ),
    family_types=shape(
        plan(int="id"),
        characteristics=shape(
            plan(
                int="""characteristic_id characteristic_type characteristic_family_type_id
                    display_order""",
                flag="is_foldable",
            )
        ),
    ),
)
VAT_RATE: Final = shape(plan(int="vat_id", money="vat_rate", flag="is_default"))
HANDLING_TIME: Final = shape(plan(int="id"))
LOCALITY: Final = shape(
    plan(
        int="emag_id geoid",
        time="modified",
        text="""region1? region1_latin? region3? region3_latin? region4? region4_latin?
            zipcode?""",
    )
)
COURIER_ACCOUNT: Final = shape(
    plan(int="account_id courier_account_type", flag="status", time="created")
)
ADDRESS: Final = shape(
    plan(int="country_id address_type_id", id="locality_id", truth="is_default", text="floor?")
)
PACKAGE: Final = shape(plan(money="length width height weight", truth="is_default"))
INVOICE_CATEGORY: Final = shape()
COMMISSION: Final = shape(plan(id="id", money="value", time="created end_date"))
SMART_DEAL: Final = shape(plan(money="smart_deals_price"))


def category_wire(
    encoder: Encoder, row: dict[str, Any], salt: int, style: Style, values: slice | None
) -> bytes:
    """A category as JSON, with the asked-for values of each characteristic, or with none."""
    out: dict[str, Any] = dressed(encoder, row, CATEGORY, salt, style)
    if row["parent_id"] is None and salt & 1:
        out["parent_id"] = 0
    for place, each in enumerate(out.get("characteristics", [])):
        luck = salted(salt, place)
        if values is None:
            del each["values"]
        else:
            each["values"] = holed(each["values"][values], luck >> 9)
        for name in ("value_tags", "is_mandatory_for_mktp"):
            if luck >> 14 & 7 == 0:
                del each[name]
    if "characteristics" in out:
        out["characteristics"] = holed(out["characteristics"], salt >> 40)
    if style.nul and salt % NUL_SHARE == 0:
        out["name"] = with_nul(out["name"])
    return encoder.encode(out, style)
