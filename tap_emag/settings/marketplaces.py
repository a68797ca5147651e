"""Lists each marketplace's API address and time zone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Marketplace:
    """One eMAG platform: base URL of the API and IANA zone of its naive times."""

    api_url: str
    timezone: str


# It is not documented whether the Hungarian host uses Budapest's or Bucharest's time. Budapest is
# the safe choice: with too early a time the newest hour only arrives later, while with too late a
# time the bookmark would pass orders that are still to come.
MARKETPLACES = {
    "emag_ro": Marketplace(
        "https://marketplace-api.emag.ro/api-3",
        "Europe/Bucharest",
    ),
    "emag_bg": Marketplace(
        "https://marketplace-api.emag.bg/api-3",
        "Europe/Sofia",
    ),
    "emag_hu": Marketplace(
        "https://marketplace-api.emag.hu/api-3",
        "Europe/Budapest",
    ),
    "fashiondays_ro": Marketplace(
        "https://marketplace-ro-api.fashiondays.com/api-3",
        "Europe/Bucharest",
    ),
    "fashiondays_bg": Marketplace(
        "https://marketplace-bg-api.fashiondays.com/api-3",
        "Europe/Sofia",
    ),
}
