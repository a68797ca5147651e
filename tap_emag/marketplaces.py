"""Where each marketplace's API lives and which clock it keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Marketplace:
    """One eMAG platform: base URL of the API, IANA zone of its naive times, ISO currency."""

    api_url: str
    timezone: str
    currency: str


# Whether the Hungarian host keeps Budapest's or Bucharest's clock is not documented. Budapest is
# the safe choice: a clock taken for too early only makes the newest hour arrive later, while one
# taken for too late would let the bookmark pass orders that are still to come.
MARKETPLACES = {
    "emag_ro": Marketplace(
        "https://marketplace-api.emag.ro/api-3",
        "Europe/Bucharest",
        "RON",
    ),
    "emag_bg": Marketplace(
        "https://marketplace-api.emag.bg/api-3",
        "Europe/Sofia",
        "EUR",
    ),
    "emag_hu": Marketplace(
        "https://marketplace-api.emag.hu/api-3",
        "Europe/Budapest",
        "HUF",
    ),
    "fashiondays_ro": Marketplace(
        "https://marketplace-ro-api.fashiondays.com/api-3",
        "Europe/Bucharest",
        "RON",
    ),
    "fashiondays_bg": Marketplace(
        "https://marketplace-bg-api.fashiondays.com/api-3",
        "Europe/Sofia",
        "EUR",
    ),
}
