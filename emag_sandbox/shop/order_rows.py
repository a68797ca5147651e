"""Makes orders in their first state: every field, plausible, from a few facts."""
# ruff: noqa: PLR2004 - shares and sizes of invented data need no names

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emag_sandbox.marketplaces import Terms
from emag_sandbox.shop.customers import customer
from emag_sandbox.shop.order_lines import ZERO, give_back, line, share_voucher, split
from emag_sandbox.shop.order_money import settle
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.shop.words import HUGE_PRICE, NOTES, REASONS

if TYPE_CHECKING:
    from random import Random

    from emag_sandbox.marketplaces import Marketplace
    from emag_sandbox.shop.catalogue import Catalogue

DAY: Final = 86_400
EPOCH: Final = 719_163  # the ordinal of 1 January 1970
PAYMENTS: Final = ((1, "RAMBURS"), (2, "Ordin de plată"), (3, "CARD online"))
QUANTITIES: Final = (1,) * 12 + (2,) * 4 + (3, 3, 4, 6)
CANCELLED, NEW, FINALIZED, RETURNED = 0, 1, 4, 5
CARD: Final = 3
AWB, WARRANTY, PROFORMA = 10, 3, 11  # types of attachments


class Facts(NamedTuple):
    """What the index knows of an order. Times are instants in seconds."""

    number: int
    id: int
    type: int
    status: int
    date: int
    modified: int


class OrderContext(NamedTuple):
    """What all orders of a sandbox share."""

    seed: int
    catalogue: Catalogue
    articles: int
    customers: int
    huge: int
    always_edited: bool
    market: Marketplace

    def terms(self, placed: int) -> Terms:
        """The terms of an order that was placed at an instant."""
        return Terms(self.market, self.market.currency(placed))


def order(shop: OrderContext, facts: Facts, rng: Random) -> dict[str, Any]:
    """The order that some facts and a seeded `rng` describe. Times are instants."""
    draw = rng.random
    status, placed, modified = facts.status, facts.date, facts.modified
    terms = shop.terms(placed)
    lines = _lines(shop, facts, rng, terms)
    payment, payment_name = PAYMENTS[0 if draw() < 0.55 else int(draw() * 3)]
    locker = f"easybox Demo {int(draw() * 90)}" if draw() < 0.35 else None
    shipping = ZERO if draw() < 0.4 else terms.price(Decimal("14.99"))
    card = payment == CARD
    done = status in (FINALIZED, RETURNED)
    luck = mix(shop.seed, 21, facts.number)
    shopper = customer(luck % shop.customers, placed, locker, shop.market) if luck % 97 else None
    row: dict[str, Any] = {
        "id": facts.id,
        "vendor_name": "Demo Shop",
        "type": facts.type,
        "parent_id": facts.id - 1 if luck % 41 == 0 else None,
        "date": placed if luck % 499 else None,
        "created": placed if luck & 7 == 0 else None,
        "modified": modified,
        "status": status,
        "is_complete": status != NEW or luck >> 8 & 7 != 0,
        "payment_mode": payment_name,
        "payment_mode_id": payment if luck >> 11 & 3 else None,
        "detailed_payment_method": "eCREDIT" if luck >> 13 & 31 == 0 else payment_name,
        "delivery_payment_mode": "cash" if luck >> 18 & 15 == 0 else None,
        "delivery_mode": "pickup" if locker else ("courier" if luck >> 22 & 31 else "Livrare 6H"),
        "payment_status": int(card or (done and luck >> 27 & 3 != 0)),
        "cashed_co": None if luck >> 29 & 1 else Decimal(0),
        "cashed_cod": Decimal(0),
        "shipping_tax": shipping,
        "shipping_tax_voucher_split": [],
        "customer": shopper,
        "products": lines,
        "attachments": _papers(facts, lines, done=done),
        "vouchers": [],
        "proforms": [],
        "details": _locker(luck, locker),
        "observation": NOTES[luck % 5] if luck >> 30 & 7 == 0 else ("" if luck & 1 else None),
        "is_storno": any(each["storno_qty"] for each in lines) if luck >> 33 & 3 else None,
        "reason_cancellation": _reason(luck, status),
        "cancellation_request": modified - 60 if status == CANCELLED and luck & 2 else None,
        "has_editable_products": status == NEW,
        "refunded_amount": Decimal(0),
        "refund_status": "demo" if status == RETURNED else None,
        "maximum_date_for_shipment": placed + 2 * DAY if luck >> 35 & 15 else None,
        "finalization_date": finalized_at(shop.seed, facts.number, placed, modified)
        if done
        else None,
        "late_shipment": (luck >> 40 & 15 == 0) if luck >> 39 & 1 else None,
        "flags": [{"flag": "demo_flag", "value": str(luck & 1)}] if luck >> 44 & 3 == 0 else [],
        "emag_club": luck >> 46 & 3 == 0,
        "weekend_delivery": luck >> 48 & 15 == 0,
        "enforced_vendor_courier_accounts": _couriers(luck >> 52 & 7),
        "currency": terms.currency,
    }
    if draw() < 0.14:
        _use_vouchers(row, facts, rng, terms)
    settle(row)
    return row


def finalized_at(seed: int, number: int, placed: int, modified: int) -> int:
    """When an order was finalized, if it was when the sandbox started."""
    return min(placed + DAY + mix(seed, 21, number) % DAY, modified)


def _lines(shop: OrderContext, facts: Facts, rng: Random, terms: Terms) -> list[dict[str, Any]]:
    draw = rng.random
    lot = draw()
    count = 1 if lot < 0.6 else 2 if lot < 0.82 else 3 if lot < 0.93 else 4 + int(draw() * 9)
    rows = []
    for position in range(count):
        popular = draw()
        product = shop.catalogue.product(int(popular * popular * shop.articles))
        quantity = QUANTITIES[int(draw() * len(QUANTITIES))]
        row = line(facts.number, position, product, quantity, terms, facts.date)
        if facts.status == RETURNED:
            give_back(row, quantity)
        elif facts.status == CANCELLED:
            row["status"] = 0
        elif facts.status == FINALIZED and draw() < 0.05:
            give_back(row, 1 + int(draw() * quantity))
        if row["storno_qty"] or not row["status"]:
            row["modified"] = facts.modified
        rows.append(row)
    if facts.status == FINALIZED and not any(row["quantity"] for row in rows):
        # An order of which every piece came back is a returned one (documented).
        rows[0]["quantity"], rows[0]["storno_qty"] = 1, rows[0]["storno_qty"] - 1
    if facts.number == shop.huge:
        rows[0]["sale_price"] = HUGE_PRICE
    return rows


def _papers(facts: Facts, lines: list[dict[str, Any]], *, done: bool) -> list[dict[str, Any]]:
    if not done:
        return []
    kinds = (1,) if facts.number % 4 else (1, 13, PROFORMA)[: 2 + facts.number % 3]
    papers = [paper(facts, kind, f"DOC-{facts.number}-{kind}.pdf") for kind in kinds]
    if facts.number % 15 == 0:
        papers.append(paper(facts, WARRANTY, f"WARRANTY-{facts.number}.pdf", lines[0]["id"]))
    return [*papers, awb_paper(facts)]


def awb_paper(facts: Facts) -> dict[str, Any]:
    """The first AWB of an order, which finalizes it (documented)."""
    return paper(facts, AWB, f"AWB-{facts.number}.pdf")


def paper(facts: Facts, kind: int, name: str, line: int | None = None) -> dict[str, Any]:
    """An attachment of an order, or of its `line`; `kind` is eMAG's attachment type."""
    row: dict[str, Any] = {
        "name": name,
        "url": f"https://files.example.invalid/{name}",
        "type": kind,
        "force_download": kind % 2,
        "visibility": "public",
    }
    if facts.number % 3 == 0:
        row |= {"order_id": facts.id, "order_product_id": line, "order_type": facts.type}
    return row


def _locker(luck: int, locker: str | None) -> dict[str, Any]:
    if locker is None:
        return {}
    found: dict[str, Any] = {
        "locker_id": f"00000000-0000-0000-0000-{luck % 10**12:012}",
        "locker_name": locker,
        "locker_delivery_eligible": True,
    }
    if luck % 5 == 0:
        found["courier_external_office_id"] = f"OFFICE-{luck % 900}"
    return found


def _reason(luck: int, status: int) -> dict[str, Any] | None:
    if status != CANCELLED or luck % 10 == 0:
        return None
    number, name = REASONS[(luck >> 5) % len(REASONS)]
    # A bare number on the wire carries no name, so the truth has none either.
    return {"id": number if luck % 9 else None, "name": name if luck % 9 == 0 or luck & 8 else None}


def _couriers(luck: int) -> list[int] | None:
    return None if luck < 5 else [] if luck == 5 else [10_001, 10_002][: luck - 5]


def _use_vouchers(row: dict[str, Any], facts: Facts, rng: Random, terms: Terms) -> None:
    rate = terms.market.vat_rate(facts.date)
    for turn in range(1 if rng.random() < 0.8 else 2):
        number, name = (
            500 + 40 * turn + int(rng.random() * 40),
            ("Voucher probă", "Cadou Țintă")[turn],
        )
        made = share_voucher(rng, row["products"], number, name)
        if row["shipping_tax"] and rng.random() < 0.5:
            cut = split(number, terms.price(Decimal(-1)), rate, by="eMAG", name=name)
            row["shipping_tax_voucher_split"].append(cut)
            made.append(cut)
        row["vouchers"].append(
            _voucher(facts, turn, number, name, made[0]["vat"] if made else rate)
        )


def _voucher(facts: Facts, turn: int, number: int, name: str, rate: Decimal) -> dict[str, Any]:
    return {
        "id": 40_000_000 + facts.number * 2 + turn,
        "voucher_id": number,
        "voucher_name": name,
        "status": 1,
        "sale_price": ZERO,
        "sale_price_vat": ZERO,
        "vat": rate,
        "created": facts.date,
        "modified": facts.date,
        "issue_date": date.fromordinal(EPOCH + facts.date // DAY - 9),
    }
