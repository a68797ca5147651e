"""Tables of eMAG's categories: the characteristics of their products, and how variants differ."""

from __future__ import annotations

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import FLAG, INTEGER, JSON_LIST, TEXT
from tap_emag.schema.table import FROM_CALLER, Column, Table, extra_column

CATEGORY_COLUMN = Column("category_id", INTEGER, "eMAG category: `id` in categories.", FROM_CALLER)

CATEGORIES = Table(
    "categories",
    (*ACCOUNT_KEYS, "id"),
    (
        *ACCOUNT_COLUMNS,
        Column("id", INTEGER, "eMAG's id of the category: `category_id` in products."),
        Column(
            "parent_id",
            INTEGER,
            "Category this one is part of; 0 or null for the topmost.",
        ),
        Column(
            "name", TEXT, "Name of the category, in the language that `category_language` sets."
        ),
        Column("is_allowed", FLAG, "Whether the seller may offer products in it."),
        Column("is_ean_mandatory", FLAG, "Whether its products must have a barcode (EAN)."),
        Column("is_warranty_mandatory", FLAG, "Whether its products must have a warranty."),
        Column("scm_id", INTEGER, "Another id eMAG gives the category; not documented."),
        extra_column(),
    ),
    children=("characteristics", "family_types"),
)

CATEGORY_CHARACTERISTICS = Table(
    "category_characteristics",
    (*ACCOUNT_KEYS, "category_id", "id", "position"),
    (
        *ACCOUNT_COLUMNS,
        CATEGORY_COLUMN,
        Column(
            "id",
            INTEGER,
            "eMAG's id of the characteristic: `id` in the `characteristics` of products. 0 where"
            " the API names none.",
        ),
        Column(
            "position",
            INTEGER,
            "1 for the first row of this characteristic in the category, 2 should it come again.",
            FROM_CALLER,
        ),
        Column(
            "name",
            TEXT,
            "Name of the characteristic; eMAG promises a language only for names of categories.",
        ),
        Column(
            "type_id",
            INTEGER,
            "What its values are, such as 1 number, 2 number and unit, 11 text; all that are known"
            " are in characteristic_types.",
        ),
        Column("display_order", INTEGER, "Place on the product's page, lowest first."),
        Column("is_mandatory", FLAG, "Whether products must have it."),
        Column(
            "is_mandatory_for_mktp",
            FLAG,
            "Whether the products of marketplace sellers must have it.",
        ),
        Column("is_filter", FLAG, "Whether customers can filter by it."),
        Column(
            "allow_new_value",
            FLAG,
            "Whether values that eMAG does not list may be used; eMAG validates them"
            " automatically.",
        ),
        Column("tags", JSON_LIST, "Tags a value may carry, such as original and converted."),
        Column("value_tags", JSON_LIST, "Tags of the values, as sent; mostly empty."),
        extra_column(),
    ),
    children=("values",),
)

CATEGORY_FAMILY_TYPES = Table(
    "category_family_types",
    (*ACCOUNT_KEYS, "category_id", "id", "position"),
    (
        *ACCOUNT_COLUMNS,
        CATEGORY_COLUMN,
        Column(
            "id",
            INTEGER,
            "eMAG's id of the family type: `family_type_id` in products. One sent without it has"
            " minus its place in the category: -1 for the first.",
        ),
        Column(
            "position",
            INTEGER,
            "Place, from 1, of the characteristic in the family type; 0 for a family type without"
            " any.",
            FROM_CALLER,
        ),
        Column("name", TEXT, "Name of the family type, the same in all its rows."),
        Column(
            "characteristic_id",
            INTEGER,
            "Characteristic in which the variants differ: `id` in category_characteristics.",
            ("characteristics.characteristic_id",),
        ),
        Column(
            "characteristic_type",
            INTEGER,
            "Kind of the characteristic, a code; not documented.",
            ("characteristics.characteristic_type",),
        ),
        Column(
            "characteristic_family_type_id",
            INTEGER,
            "How the variants are shown: 1 thumbnails, 2 combobox, 3 graphic selection.",
            ("characteristics.characteristic_family_type_id",),
        ),
        Column(
            "is_foldable",
            FLAG,
            "Whether lists show the variants as one product.",
            ("characteristics.is_foldable",),
        ),
        Column(
            "display_order",
            INTEGER,
            "Place among the characteristics of the family type, lowest first.",
            ("characteristics.display_order",),
        ),
        extra_column(),
    ),
)

CATEGORY_VALUES = Table(
    "category_values",
    (
        *ACCOUNT_KEYS,
        "category_id",
        "characteristic_id",
        "characteristic_position",
        "position",
    ),
    (
        *ACCOUNT_COLUMNS,
        CATEGORY_COLUMN,
        Column(
            "characteristic_id",
            INTEGER,
            "Characteristic the value is for: `id` in category_characteristics.",
            FROM_CALLER,
        ),
        Column(
            "characteristic_position",
            INTEGER,
            "`position` of that row of category_characteristics; 1 unless the characteristic comes"
            " again.",
            FROM_CALLER,
        ),
        Column(
            "position", INTEGER, "Place, from 1, among the characteristic's values.", FROM_CALLER
        ),
        Column(
            "value",
            TEXT,
            "Value that eMAG lists; eMAG promises a language only for names of categories.",
        ),
        extra_column(),
    ),
)
