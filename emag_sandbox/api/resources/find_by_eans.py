"""`documentation/find_by_eans?eans[]=`: products of eMAG's catalogue by barcode."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.api.resources.base import Answer
from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from emag_sandbox.api.resources.base import Call

MOST_EANS: Final = 100
HOTNESS: Final = ("COLD", "SUPER COLD", None)


class FindByEans:
    """A search: the products that have each barcode, an empty list for an unknown one."""

    name = "find_by_eans"
    action = "read"
    bucket = "find_by_eans"
    path = "/api-3/documentation/find_by_eans"

    def answer(self, call: Call) -> Answer:
        """The answer: an object by barcode."""
        asked = call.params.get("eans", [])
        eans = list(dict.fromkeys(asked if isinstance(asked, list) else [asked]))
        found: dict[str, dict[str, list[dict[str, Any]]]] = {
            ean: {"products": []} for ean in eans[:MOST_EANS]
        }
        for offer in call.world.offers() if found else ():
            for ean in offer["ean"] if offer["part_number_key"] else ():
                if ean in found:
                    found[ean]["products"].append(_product(call, offer, ean))
        notice = f"Only the first {MOST_EANS} EANs were searched" if eans[MOST_EANS:] else ""
        return Answer(json.dumps(found).encode(), len(found), notice=notice)


def _product(call: Call, offer: dict[str, Any], ean: str) -> dict[str, Any]:
    key, luck = offer["part_number_key"], mix(call.config.seed, 89, offer["id"])
    return {
        "ean": ean,
        "part_number_key": key,
        "product_name": offer["name"] or "Produs demo",
        "brand_name": offer["brand_name"] or "DemoBrand",
        "category_name": f"Categorie {offer['category_id'] or 506}",
        "doc_category_id": offer["category_id"] or 506,
        "site_url": f"https://shop.example.invalid/pd/{key}",
        "allowed_to_add_offer": luck & 7 != 0,
        "vendor_has_offer": True,
        "hotness": HOTNESS[luck >> 3 & 1 if luck >> 4 & 1 else 2],
        "product_image": f"https://img.example.invalid/{key}-150x150.jpg",
    }
