"""Lists the marketplaces: country, clock, currency and VAT rates of each.

Currencies are documented: RON on the two Romanian platforms, HUF in Hungary, and on the two
Bulgarian ones BGN up to 31 December 2025 and EUR from 1 January 2026. VAT rates are those of the
countries' laws; `vat/read` does not document any.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

TENTHOUSANDTH: Final = Decimal("0.0001")
EVER: Final = 0
ROMANIA_RAISED: Final = 1_753_995_600  # 1 August 2025, 00:00 in Bucharest: 19 to 21, 9 to 11 %
EURO_IN_BULGARIA: Final = 1_767_218_400  # 1 January 2026, 00:00 in Sofia
LEV: Final = Decimal("1.95583")  # per euro, fixed by law
# What an article costs in each currency, of its price in RON.
WORTH: Final[Mapping[str, Decimal]] = {
    "RON": Decimal(1),
    "HUF": Decimal(80),
    "BGN": Decimal("0.4"),
    "EUR": Decimal("0.4") / LEV,
}


@dataclass(frozen=True)
class Marketplace:
    """One platform.

    Attributes:
        country: Code of the country, such as RO.
        country_name: Its name in English, as returns and invoices give it.
        language: The platform's own language, as `category/read` names it.
        timezone: IANA zone of its clock.
        dialling: The country's dialling code.
        currencies: The currencies, each with the instant from which on it is used.
        rates: The standard and the reduced VAT rate, with the instant from which on they apply.
        all_rates: Every rate that `vat/read` lists.
    """

    country: str
    country_name: str
    language: str
    timezone: str
    dialling: str
    currencies: tuple[tuple[int, str], ...]
    rates: tuple[tuple[int, Decimal, Decimal], ...]
    all_rates: tuple[str, ...]

    def currency(self, instant: int) -> str:
        """Return the currency of an order that is placed, or an offer that is read, then."""
        return [code for since, code in self.currencies if since <= instant][-1]

    def price(self, amount: Decimal, currency: str) -> Decimal:
        """Return an amount, given in RON, in one of the marketplace's currencies."""
        if currency == "RON":
            return amount
        return (amount * WORTH[currency]).quantize(TENTHOUSANDTH)

    def vat_rate(self, instant: int, *, reduced: bool = False) -> Decimal:
        """Return a VAT rate at an instant, as a fraction."""
        standard, lower = [rates for since, *rates in self.rates if since <= instant][-1]
        return lower if reduced else standard

    def phone(self, number: int) -> str:
        """Return a mobile number with the country's code."""
        return f"+{self.dialling}7{number % 100_000_000:08}"

    def national(self, phone: str) -> str:
        """Return a phone number as it is dialled inside the country."""
        return "0" + phone.removeprefix(f"+{self.dialling}")


class Terms(NamedTuple):
    """What prices and VAT rates go by."""

    market: Marketplace
    currency: str

    def price(self, amount: Decimal) -> Decimal:
        """Return an amount, given in RON, in this currency."""
        return self.market.price(amount, self.currency)


def _rates(*rates: tuple[int, str, str]) -> tuple[tuple[int, Decimal, Decimal], ...]:
    return tuple((since, Decimal(standard), Decimal(lower)) for since, standard, lower in rates)


ROMANIA: Final = Marketplace(
    country="RO",
    country_name="Romania",
    language="RO",
    timezone="Europe/Bucharest",
    dialling="40",
    currencies=((EVER, "RON"),),
    rates=_rates((EVER, "0.1900", "0.0900"), (ROMANIA_RAISED, "0.2100", "0.1100")),
    all_rates=("0.2100", "0.1100", "0.1900", "0.0900", "0.0500", "0.0000"),
)
BULGARIA: Final = Marketplace(
    country="BG",
    country_name="Bulgaria",
    language="BG",
    timezone="Europe/Sofia",
    dialling="359",
    currencies=((EVER, "BGN"), (EURO_IN_BULGARIA, "EUR")),
    rates=_rates((EVER, "0.2000", "0.0900")),
    all_rates=("0.2000", "0.0900", "0.0000"),
)
HUNGARY: Final = Marketplace(
    country="HU",
    country_name="Hungary",
    language="HU",
    timezone="Europe/Budapest",
    dialling="36",
    currencies=((EVER, "HUF"),),
    rates=_rates((EVER, "0.2700", "0.1800")),
    all_rates=("0.2700", "0.1800", "0.0500", "0.0000"),
)
MARKETPLACES: Final[Mapping[str, Marketplace]] = {
    "emag_ro": ROMANIA,
    "emag_bg": BULGARIA,
    "emag_hu": HUNGARY,
    "fashiondays_ro": ROMANIA,
    "fashiondays_bg": BULGARIA,
}
