"""Returns in full, made from the order they belong to and what happened to them."""
# ruff: noqa: PLR2004 - shares and sizes of invented data need no names

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emag_sandbox.marketplaces import Terms
from emag_sandbox.shop.catalogue import CENTI
from emag_sandbox.shop.localtime import DAY
from emag_sandbox.shop.order_lines import ZERO
from emag_sandbox.shop.return_life import APPROVED, ENDS, FINALIZED, RECEIVED, REFUSED
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.shop.words import NOTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emag_sandbox.marketplaces import Marketplace
    from emag_sandbox.shop.return_life import Event

EPOCH: Final = 719_163  # the ordinal of 1 January 1970
FIRST_LINE: Final = 1_050_000_000
LINES_A_RETURN: Final = 8
FIRST_RESERVATION: Final = 450_000_000
AWBS_A_RETURN: Final = 2
FIRST_ENTRY: Final = 5_000_000_000
ENTRIES_A_RETURN: Final = 64
REFUND: Final = 3
CODES: Final = (
    "",
    "incomplete",
    "new",
    "approved",
    "refused",
    "cancelled",
    "received",
    "finalized",
)
REASONS: Final = (
    *(30, 31, 32, *range(34, 41), *range(42, 56), *range(57, 107), *range(111, 119)),
    *(*range(120, 156), *range(157, 164), *range(166, 223)),
)
DEMO_IBAN: Final = "RO00DEMO0000000000000000"


class Case(NamedTuple):
    """What a return is made from. `events` are those reached, `notes` instants of later remarks."""

    number: int
    id: int
    parent: int | None
    opened: int
    events: Sequence[Event]
    notes: Sequence[int]


def own_luck(seed: int, number: int) -> int:
    """The draw that a return's lasting features come from."""
    return mix(seed, 102, number)


def by_courier(luck: int) -> bool:
    """Whether eMAG's courier fetches the goods, so that there is an AWB."""
    return luck >> 3 & 7 < 6


def reservations(luck: int, number: int, events: Sequence[Event]) -> list[int]:
    """The reservation ids of a return's AWBs: none before it is approved."""
    if not by_courier(luck) or all(event.status != APPROVED for event in events):
        return []
    first = FIRST_RESERVATION + number * AWBS_A_RETURN
    return [first, first + 1] if luck >> 6 & 7 == 0 else [first]


def goods(seed: int, number: int, order: dict[str, Any]) -> list[tuple[dict[str, Any], int]]:
    """The lines of an order that come back, with the pieces of each."""
    luck, lines = mix(seed, 106, number), order["products"][:LINES_A_RETURN]
    taken = lines if luck & 7 == 0 else lines[:1]
    return [(line, 1 + (luck >> 8) % max(line["initial_qty"], 1)) for line in taken]


def return_(seed: int, case: Case, order: dict[str, Any], market: Marketplace) -> dict[str, Any]:
    """A return in full, every field of it. Times are instants."""
    terms = Terms(market, order["currency"])
    luck, status = own_luck(seed, case.number), case.events[-1].status
    lines = goods(seed, case.number, order)
    kind = (3, 3, 3, 1, 2, 5, 4, 3)[luck >> 9 & 7]
    reason = REASONS[(luck >> 12) % len(REASONS)]
    return {
        "emag_id": case.id,
        "pickup_date": _pickup(luck, case) if luck >> 53 & 7 == 0 else None,
        "vendor_id": 1 if luck >> 53 & 7 == 0 else None,
        "return_parent_id": case.parent,
        "order_id": order["id"],
        "type": order["type"],
        "is_full_fbe": order["type"] == 2,
        "is_club": luck >> 16 & 3 == 0,
        "is_fast": luck >> 18 & 7 == 0,
        **_person(luck, order["customer"] or {}, market),
        **_refund_account(luck, kind),
        **_replacement(luck, kind, lines),
        "observations": NOTES[luck % 5] if luck >> 21 & 3 == 0 else ("" if luck & 1 else None),
        "request_status": status,
        "request_status_reason": 1 + luck % 9 if status == REFUSED else None,
        "return_type": kind,
        "return_reason": reason,
        "date": case.opened,
        "products": [_line(luck, case, terms, place, *each) for place, each in enumerate(lines)],
        "extra_info": _extra(luck, case),
        "return_tax_value": terms.price(Decimal("15.0000")) if luck >> 26 & 7 == 0 else ZERO,
        "swap": f"SWAP-{case.number}" if kind == 1 and luck & 1 else None,
        "return_address_id": 20_001 if luck >> 29 & 3 else None,
        "return_address_snapshot": "Strada Exemplu 9, Oraș Test" if luck >> 31 & 7 == 0 else None,
        "awbs": [{"reservation_id": each} for each in reservations(luck, case.number, case.events)],
        "status_history": _status_history(case, kind, _worth(lines), order["currency"]),
        "request_history": _request_history(case),
        "locker": _locker(luck, case),
        "country": market.country,
        "address_type": "customer" if luck >> 34 & 1 else "pickup_point",
        "currency": order["currency"],
        "finalized_with_incident": bool(case.notes) if status in ENDS else None,
        "courier_name": "DemoCourier" if by_courier(luck) else None,
    }


def _person(luck: int, customer: dict[str, Any], market: Marketplace) -> dict[str, Any]:
    phone, firm = customer.get("phone_1"), customer.get("legal_entity")
    return {
        "customer_name": customer.get("name"),
        "customer_company": customer.get("company") if firm else None,
        "customer_phone": phone and market.national(phone),
        "pickup_country": market.country_name if customer else None,
        "pickup_suburb": customer.get("shipping_suburb"),
        "pickup_city": customer.get("shipping_city"),
        "pickup_address": customer.get("shipping_street"),
        "pickup_zipcode": customer.get("shipping_postal_code") or None,
        "pickup_locality_id": customer.get("shipping_locality_id"),
        "pickup_address_id": 2000 + luck % 90 if luck >> 53 & 7 == 0 else None,
        "pickup_method": 1 if by_courier(luck) else 2 + luck % 2,
    }


def _refund_account(luck: int, kind: int) -> dict[str, Any]:
    known = kind == REFUND and luck >> 37 & 1
    return {
        "customer_account_iban": DEMO_IBAN if known else None,
        "customer_account_bank": "Banca Demo" if known else None,
        "customer_account_beneficiary": "Client Exemplu" if known and luck & 4 else None,
    }


def _replacement(
    luck: int, kind: int, lines: Sequence[tuple[dict[str, Any], int]]
) -> dict[str, Any]:
    line, pieces = lines[0] if lines and kind in (1, 2) else ({}, 0)
    return {
        "replacement_product_emag_id": line.get("mkt_id"),
        "replacement_product_id": line.get("product_id", 0 if luck >> 39 & 1 else None),
        "replacement_product_name": line.get("name"),
        "replacement_product_quantity": pieces,
    }


def _line(
    luck: int, case: Case, terms: Terms, place: int, line: dict[str, Any], pieces: int
) -> dict[str, Any]:
    status = case.events[-1].status
    return {
        "id": FIRST_LINE + case.number * LINES_A_RETURN + place,
        "product_emag_id": line["mkt_id"],
        "product_id": line["product_id"],
        "quantity": pieces,
        "product_name": line["name"],
        "return_reason": REASONS[(luck >> 12) % len(REASONS) - place],
        "observations": "Cutie deschisă" if luck >> 41 & 3 == 0 else ("" if luck & 1 else None),
        "diagnostic": _diagnostic(luck) if status in (FINALIZED, REFUSED) else None,
        "reject_reason": 3 if status == REFUSED else None,
        "retained_amount": terms.price(Decimal("12.5")) if luck >> 43 & 15 == 0 else Decimal(0),
        "refund_value": _worth([(line, pieces)]) if luck >> 53 & 7 == 0 else None,
    }


def _pickup(luck: int, case: Case) -> int | date:
    """When the goods are fetched: an instant, or a day as in the documentation's example."""
    instant = case.opened + 2 * DAY + luck % 7200
    return instant if luck >> 58 & 1 else date.fromordinal(EPOCH + instant // DAY)


def _diagnostic(luck: int) -> str:
    """What the goods were found to be: a text, or a code as documented."""
    return f"{1 + luck % 4}" if luck >> 56 & 3 == 0 else "Produs funcțional"


def _worth(lines: Sequence[tuple[dict[str, Any], int]]) -> Decimal:
    total = sum(
        (line["sale_price"] * pieces * (1 + line["vat"]) for line, pieces in lines), Decimal(0)
    )
    return total.quantize(CENTI)


def _extra(luck: int, case: Case) -> dict[str, Any]:
    if luck >> 47 & 15 == 0:
        return {}
    day = EPOCH + case.opened // DAY
    coming = any(event.status == APPROVED for event in case.events)
    return {
        "maximum_finalization_date": date.fromordinal(day + 14),
        "first_pickup_date": date.fromordinal(day + 2),
        "estimated_product_pickup": date.fromordinal(day + 3) if coming else None,
        "estimated_product_reception": date.fromordinal(day + 6) if coming else None,
    }


def _status_history(case: Case, kind: int, worth: Decimal, currency: str) -> list[dict[str, Any]]:
    rows = []
    for event in case.events:
        paid = kind in (REFUND, 5) and event.status in (RECEIVED, FINALIZED)
        rows.append(
            {
                "code": CODES[event.status],
                "event_date": event.instant,
                "requests": [_refund(case, event, kind, worth, currency)] if paid else [],
            }
        )
    return rows


def _refund(case: Case, event: Event, kind: int, worth: Decimal, currency: str) -> dict[str, Any]:
    return {
        "amount": worth,
        "created": event.instant,
        "refund_type": "transfer" if kind == REFUND else "voucher",
        "refund_status": "paid" if event.status == FINALIZED else "pending",
        "rma_id": case.id,
        "status_date": event.instant,
        "currency": currency,
    }


def _request_history(case: Case) -> list[dict[str, Any]]:
    steps = [(CODES[event.status], event.instant) for event in case.events]
    steps += [("note", instant) for instant in case.notes]
    first = FIRST_ENTRY + case.number * ENTRIES_A_RETURN
    return [
        {
            "id": first + place,
            "user": "demo" if place else "client",
            "action": action,
            "action_type": "comment" if action == "note" else "status",
            "source": "marketplace" if place else "site",
            # eMAG sends it to the minute.
            "date": instant // 60 * 60,
        }
        for place, (action, instant) in enumerate(steps)
    ]


def _locker(luck: int, case: Case) -> dict[str, Any]:
    if luck >> 51 & 3 or not by_courier(luck):
        return {}
    return {
        "locker_hash": f"{luck:016x}",
        "locker_pin": f"{luck % 10_000:04}",
        "locker_pin_interval_end": case.opened + 3 * DAY,
    }
