"""Offers in full: what changes often, and the rest that is made from the article's number."""
# ruff: noqa: PLR2004 - shares and sizes of invented data need no names

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.shop.catalogue import CENTI, TENTHOUSANDTH
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.shop.words import DESCRIPTIONS, HUGE_PRICE, TRANSLATIONS, VALIDATIONS

if TYPE_CHECKING:
    from random import Random

    from emag_sandbox.marketplaces import Terms
    from emag_sandbox.shop.catalogue import Product

APPROVED: Final = 9
REJECTED: Final = 8
MAKER: Final = {
    "name": "Producător Demo SRL",
    "address": "Strada Demo 1, Oraș Test",
    "email": "producator@example.invalid",
}
KEEPER: Final = {
    "name": "Reprezentant Demo GmbH",
    "address": "Beispielstraße 2",
    "email": "reprezentant@example.invalid",
}


@dataclass
class Live:
    """The part of an offer that changes: price (net), stock (pieces), statuses, rank."""

    price: Decimal
    status: int
    stock: int
    estimated: int
    validation: int
    translation: int
    offer_validation: int
    rank: int | None
    sellers: int


MAIN_OFFER: Final = Decimal("0.9731")  # of the first price: what another seller asks


def live(seed: int, product: Product, version: int, rng: Random) -> Live:
    """The changing part of an offer after `version` changes."""
    rng.seed(mix(seed, 51, product.number))
    draw = rng.random
    stock = int(draw() * draw() * 200) if draw() < 0.85 else 0
    sellers = int(draw() * 5)
    state = Live(
        price=product.price,
        status=1 if draw() < 0.8 else 0 if draw() < 0.8 else 2,
        stock=stock,
        estimated=max(0, stock - int(draw() * 3)),
        validation=_one(VALIDATIONS, draw()),
        translation=_one(TRANSLATIONS, draw()),
        offer_validation=1 if draw() < 0.95 else 2,
        rank=1 + int(draw() * sellers) if sellers and draw() < 0.8 else None,
        sellers=sellers,
    )
    for turn in range(version):
        rng.seed(mix(seed, 52, product.number, turn))
        _change(state, rng)
    return state


def offer(seed: int, product: Product, state: Live, huge: int, terms: Terms) -> dict[str, Any]:
    """An offer in full, every field of it."""
    luck = mix(seed, 53, product.number)
    mapped = luck & 7 != 0
    return {
        "id": product.offer_id,
        "part_number_key": part_number_key(seed, product),
        "part_number": product.part_number,
        "name": product.name if luck >> 4 & 63 else None,
        "brand": product.brand if luck >> 10 & 31 else None,
        "description": _description(luck),
        "brand_name": product.brand if mapped else None,
        "category_id": product.category_id if luck >> 15 & 63 else None,
        "vendor_category_id": 700 + luck % 90 if luck >> 56 & 15 == 0 else None,
        "status": state.status,
        **_prices(product, state, luck, huge, terms),
        "url": f"https://shop.example.invalid/p/{product.offer_id}" if luck >> 20 & 3 == 0 else "",
        "warranty": (0, 12, 24)[luck % 3],
        "general_stock": state.stock,
        "estimated_stock": state.estimated,
        "stock": [_stored(luck, state.stock)],
        "handling_time": [_stored(luck, luck >> 22 & 3)],
        "availability": [{"value": 3 if state.stock else 5}],
        "vat_id": 2 if product.reduced_vat else 1,
        "reversible_vat_charging": luck >> 24 & 31 == 0,
        "ean": _eans(luck, product),
        "barcode": [],
        "images": _images(luck, product),
        "attachments": _attachments(luck, product),
        "characteristics": _characteristics(luck),
        "family": _family(luck),
        "start_date": [],
        "offer_details": {
            "id": 41_000_000 + product.number,
            "warranty_type": 1,
            "supply_lead_time": 14,
            "emag_club": luck >> 26 & 1 == 1,
        },
        "content_details": None if luck >> 27 & 1 else {},
        "offer_properties": {"demo_property": 1} if luck >> 28 & 15 == 0 else {},
        "commission": _commission(luck),
        "validation_status": [_validation(VALIDATIONS, state.validation, product, luck)],
        "translation_validation_status": _translation(state, product, luck),
        "offer_validation_status": {
            "value": state.offer_validation,
            "description": ("Saleable", "Invalid price")[state.offer_validation - 1],
            "errors": None,
        },
        "doc_errors": None,
        "ownership": luck >> 32 & 3 != 0,
        "number_of_offers": state.sellers,
        "buy_button_rank": state.rank,
        "genius_eligibility": luck >> 34 & 1 == 1,
        "genius_eligibility_type": 1 + luck % 3 if luck >> 34 & 1 else (0 if luck & 8 else None),
        "genius_computed": luck >> 36 & 3 if luck >> 38 & 7 else None,
        "has_smart_deals_badge": luck >> 41 & 15 == 0 if luck >> 45 & 7 else None,
        "rrp_guidelines": "RRP input possible" if luck >> 48 & 1 else None,
        "auto_translated": luck >> 49 & 7 == 0,
        "recycleWarranties": product.deposit,
        "manufacturer": [dict(MAKER)] if luck >> 52 & 1 else [],
        "eu_representative": [dict(KEEPER)] if luck >> 53 & 3 == 0 else [],
        "safety_information": "A nu se lăsa la îndemâna copiilor" if luck >> 55 & 1 else None,
    }


def part_number_key(seed: int, product: Product) -> str | None:
    """The catalogue's key of an offer; empty or null until it is matched."""
    luck = mix(seed, 53, product.number)
    return product.key if luck & 7 else ("" if luck >> 3 & 1 else None)


def _change(state: Live, rng: Random) -> None:
    draw = rng.random()
    if draw < 0.45:
        state.price = (state.price * (90 + int(rng.random() * 21)) / 100 + CENTI).quantize(
            TENTHOUSANDTH
        )
    elif draw < 0.9:
        state.stock = (state.stock + 1 + int(rng.random() * 60)) % 200
        state.estimated = max(0, state.stock - int(rng.random() * 3))
    elif draw < 0.95:
        state.status = 1 - state.status if state.status < 2 else 1
    else:
        state.sellers += 1
        state.rank = 1 + int(rng.random() * state.sellers)


def _one(table: tuple[tuple[int, str], ...], draw: float) -> int:
    return APPROVED if draw < 0.8 else table[int(draw * 100) % len(table)][0]


def _prices(product: Product, state: Live, luck: int, huge: int, terms: Terms) -> dict[str, Any]:
    first, price, original = (
        terms.price(each) for each in (product.price, state.price, product.original)
    )
    foreign, other = luck >> 40 & 63 == 0, luck % 3 == 0
    return {
        "sale_price": price,
        "recommended_price": (original, original, Decimal(0), None)[luck >> 5 & 3],
        "min_sale_price": (first / 2).quantize(CENTI) if luck & 8 else None,
        "max_sale_price": _highest(product, first, luck, huge),
        "best_offer_sale_price": price if state.rank == 1 or other else None,
        "best_offer_recommended_price": original if other else None,
        "main_offer_price": (first * MAIN_OFFER).quantize(TENTHOUSANDTH) if other else None,
        "currency": terms.currency,
        "currency_type": ("EUR" if terms.currency != "EUR" else "PLN") if foreign else None,
        "offer_price_other_currency": (state.price / 5).quantize(CENTI) if foreign else None,
        "start_date_other_currency": [],
    }


def _highest(product: Product, first: Decimal, luck: int, huge: int) -> Decimal | None:
    if product.number == huge:
        return HUGE_PRICE
    return (first * 2).quantize(CENTI) if luck & 16 else None


def _description(luck: int) -> str | None:
    if luck >> 6 & 15 == 0:
        return None if luck & 1 else ""
    return "\n".join(DESCRIPTIONS[(luck >> 9) % 5 : (luck >> 9) % 5 + 1 + luck % 4])


def _stored(luck: int, value: int) -> dict[str, int]:
    return {"value": value} if luck >> 30 & 1 else {"warehouse_id": 1, "value": value}


def _eans(luck: int, product: Product) -> list[str]:
    first = f"000{product.number:09}{product.number % 10}"
    if luck >> 31 & 15 == 0:
        return []
    return [first, f"0{59_000_000_000 + product.number}7"] if luck >> 35 & 7 == 0 else [first]


def _images(luck: int, product: Product) -> list[dict[str, Any]]:
    link = f"https://img.example.invalid/{product.offer_id}"
    return [
        {"url": f"{link}-{turn}.jpg", "display_type": (1, 2, 0)[min(turn, 2)]}
        for turn in range(luck >> 12 & 3)
    ]


def _attachments(luck: int, product: Product) -> list[dict[str, Any]]:
    if luck >> 14 & 31:
        return []
    return [{"id": 1, "url": f"https://files.example.invalid/{product.offer_id}.pdf"}]


def _characteristics(luck: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"id": 5401, "value": ("Negru", "Roșu", "Țiglă")[luck % 3]},
        {"id": 5704, "value": f"{luck % 900} g"},
    ]
    if luck & 32:
        rows.append({"id": 5401, "value": "Alb"})
    if luck & 64:
        rows.append({"id": 6506, "tag": "original", "value": "36 EU"})
        rows.append({"id": 6506, "tag": "converted", "value": "39 intl"})
    return rows[: luck % 6 or None]


def _family(luck: int) -> dict[str, Any] | None:
    if luck >> 18 & 1:
        return None
    return (
        {"id": luck % 800, "name": "Familie țărănească", "family_type_id": 219} if luck & 2 else {}
    )


def _commission(luck: int) -> dict[str, Any] | None:
    return {"type": "percentage", "value": Decimal("22.5")} if luck >> 42 & 31 == 0 else None


def _validation(
    table: tuple[tuple[int, str], ...], value: int, product: Product, luck: int
) -> dict[str, Any]:
    errors: Any = None
    if value == REJECTED:
        errors = {
            "status": "error",
            "request_id": f"demo-{product.number}",
            "doc_id": luck % 10_000,
            "category_id": None,
            "part_number_key": None,
            "seller_input": {"ext_id": product.offer_id, "name": product.name},
        }
    elif value != APPROVED:
        errors = ["Câmp obligatoriu lipsă"] if luck & 1 else []
    return {"value": value, "description": dict(table)[value], "errors": errors}


def _translation(state: Live, product: Product, luck: int) -> list[dict[str, Any]]:
    if luck >> 47 & 15 == 0 and state.translation == APPROVED:
        return []
    return [_validation(TRANSLATIONS, state.translation, product, luck)]
