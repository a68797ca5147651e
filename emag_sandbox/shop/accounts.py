"""Short lists that hardly change: VAT rates, handling times, courier accounts, addresses."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.shop.localtime import DAY

if TYPE_CHECKING:
    from emag_sandbox.marketplaces import Marketplace

DAYS: Final = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 20, 30, 45, 60, 90)
ABROAD: Final = 8  # property of a courier account
COURIERS: Final[tuple[tuple[int, str, tuple[int, ...], bool], ...]] = (
    # type, courier, properties, status
    (3, "DemoCourier", (0, 2), True),
    (1, "DemoCourier", (0,), True),
    (2, "Curierul Țintă", (0, 2, 6), True),
    (4, "Curier propriu", (), False),
    (2, "DemoCourier International", (0, ABROAD), True),
    (3, "Exemplu Box", (2, 9), True),
)
PLACES: Final = (
    # type, street, zipcode, quarter, floor, default
    (1, "Strada Exemplu 9", "", "", "", True),
    (2, "Strada Exemplu 9", "000009", "Cartierul Fictiv", "P", True),
    (2, "Aleea Științei 4", "000004", "", None, False),
    (3, "Bulevardul Fictiv 1, etajul 2", "000001", "", "2", True),
    (4, "Strada Mărului Demo 12", "", "", None, False),
)


def vat_rates(market: Marketplace) -> list[dict[str, Any]]:
    """The VAT rates, as fractions."""
    return [
        {"vat_id": place, "vat_rate": Decimal(rate), "is_default": place == 1}
        for place, rate in enumerate(market.all_rates, 1)
    ]


def handling_times() -> list[dict[str, Any]]:
    """The handling times, in days."""
    return [{"id": days} for days in DAYS]


def courier_accounts(now: int, market: Marketplace) -> list[dict[str, Any]]:
    """The courier accounts, all made before an instant."""
    return [
        {
            "account_id": 10_001 + place,
            "account_display_name": f"{name} cont {place + 1}",
            "courier_account_type": kind,
            "courier_name": name,
            "courier_account_properties": list(properties),
            "created": now - (1000 - 90 * place) * DAY,
            "status": status,
            "pickup_country_code": _abroad(market) if ABROAD in properties else market.country,
        }
        for place, (kind, name, properties, status) in enumerate(COURIERS)
    ]


def _abroad(market: Marketplace) -> str:
    """A country across the border."""
    return "RO" if market.country == "HU" else "HU"


def addresses(market: Marketplace) -> list[dict[str, Any]]:
    """The seller's addresses."""
    return [
        {
            "address_id": str(20_001 + place),
            "country_id": 1,
            "country_code": market.country,
            "address_type_id": kind,
            "locality_id": 9_000_001 + place,
            "suburb": "Județ Test",
            "city": "Oraș Test",
            "address": street,
            "zipcode": zipcode,
            "quarter": quarter,
            "floor": floor,
            "is_default": default,
        }
        for place, (kind, street, zipcode, quarter, floor, default) in enumerate(PLACES)
    ]
