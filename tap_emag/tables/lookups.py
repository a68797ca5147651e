"""Tables of what eMAG's ids stand for: VAT rates, handling times, localities."""

from __future__ import annotations

from tap_emag.tables.account import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.tables.table import GIVEN, Column, Table, extra_column
from tap_emag.types import FLAG, INTEGER, RATE, TEXT, TIMESTAMP

VAT_RATES = Table(
    "vat_rates",
    (*ACCOUNT_KEYS, "vat_id"),
    (
        *ACCOUNT_COLUMNS,
        Column(
            "vat_id", INTEGER, "eMAG's id of the VAT rate: `vat_id` in products.", ("vat_id", "id")
        ),
        Column(
            "vat_rate",
            RATE,
            "VAT rate exactly as sent. Whether that is a fraction (0.21) or percent (21) eMAG does"
            " not document.",
            ("vat_rate", "value"),
        ),
        Column(
            "vat_fraction",
            RATE,
            "VAT rate as a fraction, 0.21 for 21 %: a guess, which takes a `vat_rate` above 1 for"
            " percent and any other for a fraction.",
            GIVEN,
        ),
        Column("is_default", FLAG, "Whether it is the rate used unless another is named."),
        Column("name", TEXT, "Name of the VAT rate; rarely sent."),
        extra_column(),
    ),
)

HANDLING_TIMES = Table(
    "handling_times",
    (*ACCOUNT_KEYS, "id"),
    (
        *ACCOUNT_COLUMNS,
        Column(
            "id",
            INTEGER,
            "Days from order to dispatch that an offer may have: value in `handling_time` of"
            " products.",
            ("id", "value"),
        ),
        Column("name", TEXT, "Name of the handling time; rarely sent."),
        extra_column(),
    ),
)

_REGIONS = tuple(
    column
    for level, what in (
        (1, "Region, the widest division of the country"),
        (2, "County"),
        (3, "Division below the county, mostly empty"),
        (4, "Smallest division, mostly empty"),
    )
    for column in (
        Column(f"region{level}", TEXT, f"{what}, as it is written there."),
        Column(f"region{level}_latin", TEXT, f"{what}, in Latin letters."),
    )
)

LOCALITIES = Table(
    "localities",
    (*ACCOUNT_KEYS, "emag_id"),
    (
        *ACCOUNT_COLUMNS,
        Column(
            "emag_id",
            INTEGER,
            "eMAG's id of the place: `locality_id` in addresses, `pickup_locality_id` in returns.",
        ),
        Column("name", TEXT, "Name of the place, as it is written there."),
        Column("name_latin", TEXT, "Name of the place, in Latin letters."),
        *_REGIONS,
        Column("geoid", INTEGER, "Id of the place in eMAG's map data."),
        Column(
            "modified",
            TIMESTAMP,
            "When the place's record last changed, UTC; what the incremental sync goes by.",
        ),
        Column("zipcode", TEXT, "Postal code; null or empty where a place has several."),
        Column("country_code", TEXT, "Country of the place, such as RO."),
        Column("iso2", TEXT, "Code of the county, such as RO-B (ISO 3166-2)."),
        extra_column(),
    ),
)
