"""The table of products: the present version of each of the seller's offers."""

from __future__ import annotations

from tap_emag.schema.account_columns import ACCOUNT_COLUMNS, ACCOUNT_KEYS
from tap_emag.schema.column_types import (
    FLAG,
    INTEGER,
    JSON_ANY,
    JSON_LIST,
    MONEY,
    NUMBER,
    PRESENCE,
    TEXT,
    TIMESTAMP,
    TRUTH,
)
from tap_emag.schema.table import FROM_CALLER, Column, Table, extra_column
from tap_emag.schema.vat import Vat


def _validation(name: str, what: str, codes: str) -> tuple[Column, Column, Column]:
    """Return the three columns of a validation, which comes as an object or a list of one."""
    return (
        Column(name, INTEGER, f"State of {what}: {codes}", (f"{name}.value", name)),
        Column(
            f"{name}_description",
            TEXT,
            f"State of {what} in eMAG's words.",
            (f"{name}.description", f"{name}.Description"),
        ),
        Column(
            f"{name}_errors",
            JSON_ANY,
            f"Why {what} was refused: null, a list, or an object that may be large.",
            (f"{name}.errors",),
        ),
    )


_IDENTITY = (
    Column("id", INTEGER, "The seller's own id of the offer: `product_id` in order_lines."),
    Column(
        "changed_at",
        TIMESTAMP,
        "When the tap first saw the offer as it is in this row, UTC. eMAG keeps no time of change.",
        FROM_CALLER,
    ),
    Column("part_number_key", TEXT, "eMAG's code of the product (PNK); null until it is matched."),
    Column(
        "part_number",
        TEXT,
        "Code of the product that the seller sent: by eMAG's documentation the manufacturer's."
        " eMAG takes out spaces, commas and semicolons.",
    ),
    Column("name", TEXT, "Name of the product as the seller wrote it."),
    Column("brand", TEXT, "Brand as the seller wrote it."),
    Column("brand_name", TEXT, "Brand in eMAG's catalogue; may differ from `brand`."),
    Column("description", TEXT, "Description as the seller wrote it, HTML."),
    Column("url", TEXT, "The product's page on the seller's own site; often empty."),
    Column("source_language", TEXT, "Language of the seller's texts, such as ro_RO."),
    Column("category_id", INTEGER, "eMAG category: `id` in categories."),
    Column("vendor_category_id", INTEGER, "The seller's own category; mostly null."),
    Column("family_id", INTEGER, "Family of variants the product belongs to.", ("family.id",)),
    Column("family_name", TEXT, "Name of the family of variants.", ("family.name",)),
    Column(
        "family_type_id",
        INTEGER,
        "What the family's variants differ in: a family type of the category.",
        ("family.family_type_id",),
    ),
    Column("ean", JSON_LIST, "Barcodes (EAN) of the product as texts; leading zeros count."),
    Column("barcode", JSON_LIST, "An older list of barcodes; always empty where it was seen."),
    Column(
        "images",
        JSON_LIST,
        "Pictures, each an object of url and display_type: 1 main, 2 secondary, 0 other.",
    ),
    Column("attachments", JSON_LIST, "Documents of the product, as sent."),
    Column(
        "characteristics",
        JSON_LIST,
        "Properties, each an object of id (a characteristic of the category), value and sometimes"
        " tag; one id comes again for each of its values.",
    ),
    Column(
        "weight",
        NUMBER,
        "Weight of the product as the seller gave it, unit not documented; no longer sent.",
    ),
    Column("content_details", JSON_ANY, "Details on the content, as sent; shape not documented."),
    Column("offer_properties", JSON_ANY, "Properties of the offer, as sent; not documented."),
    Column("auto_translated", FLAG, "Whether eMAG translated the texts by machine."),
    Column(
        "ownership",
        TRUTH,
        "Right to change the product's content where eMAG sends true or false, as it does where"
        " seen. It documents only codes, so that true is the right is an assumption.",
    ),
    Column(
        "ownership_code",
        INTEGER,
        "Right to change the product's content where eMAG sends a code, as it documents: 1 the"
        " seller may, 2 may not.",
        ("ownership",),
    ),
)

_PRICES = (
    Column("sale_price", MONEY, "Price, in `currency`.", vat=Vat.EXCLUDED),
    Column(
        "recommended_price",
        MONEY,
        "Price before the discount, in `currency`; 0 or null when none is shown.",
        vat=Vat.EXCLUDED,
    ),
    Column(
        "min_sale_price",
        MONEY,
        "Lowest price the offer may have; documented for what sellers send eMAG.",
        vat=Vat.EXCLUDED,
    ),
    Column(
        "max_sale_price",
        MONEY,
        "Highest price the offer may have; documented for what sellers send eMAG.",
        vat=Vat.EXCLUDED,
    ),
    Column(
        "best_offer_sale_price",
        MONEY,
        "Best price at which any seller offers the product on eMAG; its currency is not"
        " documented.",
        vat=Vat.UNKNOWN,
    ),
    Column(
        "best_offer_recommended_price",
        MONEY,
        "Price before the discount of the offer in `best_offer_sale_price`; its currency is not"
        " documented.",
        vat=Vat.UNKNOWN,
    ),
    Column(
        "main_offer_price",
        MONEY,
        "Price of the product's main offer, since 4.5.0 of eMAG's documentation. Neither its"
        " currency nor what makes an offer the main one is documented.",
        vat=Vat.UNKNOWN,
    ),
    Column("currency", TEXT, "Currency of the prices, ISO 4217."),
    Column("currency_type", TEXT, "Other currency the seller prices in, such as EUR or PLN."),
    Column(
        "offer_price_other_currency",
        JSON_ANY,
        "Price in the other currency, as sent; shape not documented.",
        vat=Vat.UNKNOWN,
    ),
    Column(
        "start_date_other_currency",
        JSON_ANY,
        "When the price in the other currency takes effect, as sent; mostly an empty list.",
    ),
    Column(
        "start_date",
        JSON_ANY,
        "When a scheduled change takes effect, as sent; mostly an empty list.",
    ),
    Column(
        "commission",
        JSON_ANY,
        "eMAG's commission, as sent: null where seen; type and value in eMAG's samples.",
        vat=Vat.UNKNOWN,
    ),
    Column("vat_id", INTEGER, "VAT rate of the offer: `vat_id` in vat_rates."),
    Column(
        "reversible_vat_charging",
        FLAG,
        "Whether the buyer, not the seller, owes the VAT (reverse charge).",
    ),
    Column(
        "green_tax",
        MONEY,
        "Disposal fee contained in the price, Romania only; documented for what sellers send eMAG,"
        " not sent where seen.",
        vat=Vat.INCLUDED,
    ),
    Column("rrp_guidelines", TEXT, "eMAG's text on the recommended price (RRP)."),
)

_STOCK = (
    Column("status", INTEGER, "0 inactive, 1 active, 2 end of life."),
    Column("general_stock", INTEGER, "Pieces in stock over all warehouses."),
    Column(
        "estimated_stock", INTEGER, "Pieces in stock less those in orders not yet acknowledged."
    ),
    Column("stock", JSON_LIST, "Stock by warehouse, objects of value and sometimes warehouse_id."),
    Column(
        "handling_time",
        JSON_LIST,
        "Days from order to dispatch, objects of value and sometimes warehouse_id.",
    ),
    Column(
        "availability",
        JSON_LIST,
        "Availability codes, objects of value or id; 3 and, without stock, 5 were seen.",
    ),
    Column(
        "supply_lead_time",
        INTEGER,
        "Days the seller takes to restock.",
        ("offer_details.supply_lead_time", "supply_lead_time"),
    ),
    Column("warranty", INTEGER, "Warranty in months."),
    Column(
        "warranty_type",
        INTEGER,
        "Kind of warranty, a code; neither the key nor a list of codes is documented.",
        ("offer_details.warranty_type",),
    ),
    Column(
        "offer_details_id",
        INTEGER,
        "eMAG's own id of the offer.",
        ("offer_details.id",),
    ),
    Column(
        "emag_club",
        FLAG,
        "Whether the offer takes part in eMAG's loyalty programme.",
        ("offer_details.emag_club", "emag_club"),
    ),
    Column("genius_eligibility", FLAG, "Whether the offer can be sold with Genius delivery."),
    Column(
        "genius_eligibility_type",
        INTEGER,
        "Genius delivery the offer can have: 1 full, 2 locker (EasyBox), 3 home.",
    ),
    Column(
        "genius_computed",
        INTEGER,
        "Genius delivery the offer has now: 0 none, 1 full, 2 locker (EasyBox), 3 home.",
    ),
    Column("has_smart_deals_badge", FLAG, "Whether the offer carries the Smart Deals badge."),
    Column("number_of_offers", INTEGER, "Sellers who offer the product."),
    Column(
        "buy_button_rank",
        INTEGER,
        "Place of the offer among all on the product; 1 has the buy button, null has no rank.",
    ),
)

_CODES = (
    "9 approved; 3, 11 (update waits) and 12 (update refused) sell as well; 0 draft, 1, 2 and 4"
    " wait for eMAG, 5 brand, 6 EAN, 8 documentation refused, 7 removed, 10 blocked"
)

_RULES = (
    *_validation(
        "offer_validation_status",
        "the offer's price check",
        "1 may be sold, 2 price refused.",
    ),
    *_validation("validation_status", "the documentation's check", f"{_CODES}."),
    *_validation(
        "translation_validation_status",
        "the translation's check",
        f"{_CODES}; 13 to 16 not translated, 17 translated in part, which sells.",
    ),
    Column(
        "doc_errors",
        JSON_ANY,
        "Errors of the documentation, as sent. eMAG documents them for refused offers; where seen"
        " they are null, and the reasons in `validation_status_errors`.",
    ),
    Column(
        "has_manufacturer",
        PRESENCE,
        "Whether the manufacturer is on file (product safety, GPSR).",
        ("manufacturer",),
    ),
    Column(
        "manufacturer",
        JSON_LIST,
        "Manufacturers, objects of name, address and email; sent only for single offers.",
    ),
    Column(
        "has_eu_representative",
        PRESENCE,
        "Whether the maker's representative in the EU is on file (product safety, GPSR).",
        ("eu_representative",),
    ),
    Column(
        "eu_representative",
        JSON_LIST,
        "Representatives in the EU, objects of name, address and email; sent only for single"
        " offers.",
    ),
    Column("safety_information", TEXT, "Safety text shown to the customer."),
    Column(
        "recycle_warranties",
        FLAG,
        "Whether deposits on the packaging fall due.",
        ("recycleWarranties",),
    ),
)

PRODUCTS = Table(
    "products",
    (*ACCOUNT_KEYS, "id"),
    (*ACCOUNT_COLUMNS, *_IDENTITY, *_PRICES, *_STOCK, *_RULES, extra_column()),
)
# The table as it was when states had fingerprints of rows: see `Products._former`.
FORMER_PRODUCTS = Table(
    "products",
    PRODUCTS.keys,
    tuple(column for column in PRODUCTS.columns if column.name != "main_offer_price"),
)
