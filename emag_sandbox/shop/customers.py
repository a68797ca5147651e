"""Invented customers, each made from a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.shop.words import COUNTIES, FAMILY, GIVEN, STREETS, TOWNS

if TYPE_CHECKING:
    from emag_sandbox.marketplaces import Marketplace

COMPANY: Final = 9


def customer(number: int, instant: int, locker: str | None, market: Marketplace) -> dict[str, Any]:
    """The customer object of an order placed at an instant, every field of it."""
    name = f"{GIVEN[number % 8]} {FAMILY[number // 8 % 8]}"
    firm = number % COMPANY == 0
    company = f"Firma {name} SRL" if firm else name
    phone = market.phone(number)
    town, county = TOWNS[number % 8], COUNTIES[number % 4]
    street = f"{STREETS[number % 3]} {number % 200 + 1}"
    return {
        "id": 70_000_000 + number,
        "mkt_id": 80_000_000 + number if number % 7 else None,
        "name": name,
        "company": company,
        "gender": "" if firm else "FM"[number % 2],
        "phone_1": phone,
        "phone_2": "",
        "phone_3": "",
        "registration_number": f"J00/{number % 1000:03}/2000" if firm else "",
        "code": f"{market.country}{number % 100_000_000:08}" if firm else "",
        "email": f"{number:07}@example.invalid",
        "billing_name": company,
        "billing_phone": phone,
        "billing_country": market.country,
        "billing_suburb": county,
        "billing_city": town,
        "billing_locality_id": 9_000_001 + number % 8 if number % 11 else None,
        "billing_street": street,
        "billing_postal_code": f"{number % 1000:06}" if number % 3 else "",
        "shipping_country": market.country,
        "shipping_suburb": county,
        "shipping_city": town,
        "shipping_locality_id": 9_000_001 + number % 8,
        "shipping_street": f"Strada Locker {number % 50}" if locker else street,
        "shipping_postal_code": f"{number % 1000:06}" if number % 3 else "",
        "shipping_contact": name,
        "shipping_phone": phone,
        "created": instant + 1,
        "modified": instant + 1 + number % 50,
        "bank": "Banca Demo" if firm else "",
        "iban": "RO00DEMO0000000000000000" if firm else "",
        "legal_entity": firm,
        "fax": "" if number % 5 == 0 else None,
        "is_vat_payer": firm and number % 2 == 0,
        "liable_person": "Persoana Demo" if firm else "" if number % 4 else None,
    }
