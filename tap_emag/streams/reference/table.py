"""Tables of the short reference lists; those of categories have a module of their own."""

from __future__ import annotations

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import FLAG, ID_LIST, INTEGER, NUMBER, RATE, TEXT, TIMESTAMP
from tap_emag.schema.table import FROM_CALLER, Column, Table, extra_column

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
            FROM_CALLER,
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
            "eMAG's id of the handling time. eMAG mostly sends one number, which is also the"
            " `value`.",
        ),
        Column(
            "value",
            INTEGER,
            "Days from order to dispatch that an offer may have: value in `handling_time` of"
            " products.",
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
        Column(
            "geoid",
            INTEGER,
            "Another id of the place, by its name a geographic one; not documented.",
        ),
        Column(
            "modified",
            TIMESTAMP,
            "When the place's record last changed, UTC; what the incremental sync goes by.",
        ),
        Column(
            "zipcode",
            TEXT,
            "Postal code of the place, at most 10 characters; may be null or empty.",
        ),
        Column("country_code", TEXT, "Country of the place, such as RO."),
        Column("iso2", TEXT, "Code of the county, such as RO-B (ISO 3166-2)."),
        extra_column(),
    ),
)

COURIER_ACCOUNTS = Table(
    "courier_accounts",
    (*ACCOUNT_KEYS, "account_id"),
    (
        *ACCOUNT_COLUMNS,
        Column(
            "account_id",
            INTEGER,
            "eMAG's id of the courier account.",
            ("account_id", "id"),
        ),
        Column("account_display_name", TEXT, "Name of the courier account."),
        Column(
            "courier_account_type",
            INTEGER,
            "What it may be used for: 1 returns, 2 orders, 3 both, 4 outside the marketplace.",
        ),
        Column("courier_name", TEXT, "Name of the courier."),
        Column(
            "courier_account_properties",
            ID_LIST,
            "What it can do, a list of codes: 0 home delivery, 2 lockers, 6 offices, 8 across"
            " borders, 9 BPO.",
            # One client's code reads the misspelt key.
            ("courier_account_properties", "currier_account_properties"),
        ),
        Column("created", TIMESTAMP, "When the courier account was made, UTC."),
        Column("status", FLAG, "Whether the courier account is active."),
        Column("pickup_country_code", TEXT, "Country it collects parcels in, such as RO."),
        extra_column(),
    ),
)

AWB_PACKAGES = Table(
    "awb_packages",
    (*ACCOUNT_KEYS, "label"),
    (
        *ACCOUNT_COLUMNS,
        Column("label", TEXT, "Label of the package: XS, S, M, L or XL."),
        Column("length", NUMBER, "Length of the package, in centimetres."),
        Column("width", NUMBER, "Width of the package, in centimetres."),
        Column("height", NUMBER, "Height of the package, in centimetres."),
        Column("weight", NUMBER, "Weight of the package, in kilograms."),
        Column("is_default", FLAG, "Whether it is the seller's default package; one of them is."),
        extra_column(),
    ),
)

ADDRESSES = Table(
    "addresses",
    (*ACCOUNT_KEYS, "address_id"),
    (
        *ACCOUNT_COLUMNS,
        Column(
            "address_id",
            TEXT,
            "eMAG's id of the seller's address, a text.",
        ),
        Column("country_id", INTEGER, "eMAG's id of the country."),
        Column("country_code", TEXT, "Country of the address, such as RO."),
        Column(
            "address_type_id",
            INTEGER,
            "Use of the address: 1 return, 2 pickup, 3 invoices (head office), 4 estimates of"
            " delivery.",
        ),
        Column("locality_id", INTEGER, "Place of the address: `emag_id` in localities."),
        Column("suburb", TEXT, "County of the address."),
        Column("city", TEXT, "Town of the address."),
        Column("address", TEXT, "Street and number."),
        Column("zipcode", TEXT, "Postal code of the address."),
        Column("quarter", TEXT, "Quarter of the town."),
        Column("floor", TEXT, "Floor of the building."),
        Column("is_default", FLAG, "Whether it is the one used unless another is named."),
        extra_column(),
    ),
)
