"""Generates dbt's staging views, one for each table, from the tables' own declarations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from tap_emag.ops.views.personal import may_be_personal
from tap_emag.schema.account_columns import ACCOUNT_KEYS
from tap_emag.schema.postgres_types import postgres_type
from tap_emag.streams.row_texts import row_text
from tap_emag.tap import STREAMS
from tools.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_emag.schema.table import Column, Table
    from tap_emag.streams.base import EmagStream

FOLDER = "transform/models/staging"
HEAD = "`make generate` writes this file from the tables' declarations."
# The name of a table's surrogate key, where it is not the table's, in the singular. An offer's own
# tables share one.
KEYS: dict[str, str] = {
    "order_voucher_splits": "voucher_split_key",
    "products": "offer_key",
    "product_history": "offer_version_key",
    "product_deletions": "offer_deletion_key",
    "commissions": "offer_key",
    "smart_deals": "offer_key",
    "addresses": "address_key",
}
# Keys of other tables' rows: by table, the key and the columns that it is made of.
Keys = dict[str, tuple[str, ...]]
OF_ORDER: Keys = {"order_key": ("order_type", "order_id")}
OF_OFFER: Keys = {"offer_key": ("id",)}
FOREIGN: dict[str, Keys] = {
    "order_lines": {**OF_ORDER, "offer_key": ("product_id",)},
    "order_vouchers": OF_ORDER,
    "order_voucher_splits": OF_ORDER,
    "order_attachments": OF_ORDER,
    "order_volumetry": {**OF_ORDER, "offer_key": ("product_id",)},
    "products": {"category_key": ("category_id",), "vat_rate_key": ("vat_id",)},
    "product_history": OF_OFFER,
    "product_deletions": OF_OFFER,
    "returns": {"order_key": ("type", "order_id")},
    "return_lines": {"return_key": ("return_emag_id",), "offer_key": ("product_id",)},
    "return_events": {"return_key": ("return_emag_id",)},
    "awbs": {"return_key": ("return_emag_id",), "order_key": ("type", "order_id")},
    "awb_parcels": {"awb_key": ("awb_emag_id",)},
    "category_characteristics": {"category_key": ("category_id",)},
    "category_family_types": {"category_key": ("category_id",)},
    "category_values": {"category_key": ("category_id",)},
    "addresses": {"locality_key": ("locality_id",)},
    "invoice_lines": {"invoice_key": ("number",)},
    "customer_invoice_lines": {"customer_invoice_key": ("number",)},
}
# The list of codes of a column, and which of its columns a view shows besides the label.
LABELS: dict[tuple[str, str], tuple[str, ...]] = {
    ("orders", "type"): ("order_types",),
    ("orders", "status"): ("order_statuses",),
    ("orders", "payment_mode_id"): ("payment_modes",),
    ("orders", "payment_status"): ("payment_statuses",),
    ("orders", "delivery_mode"): ("delivery_modes",),
    ("orders", "reason_cancellation_id"): ("cancellation_reasons",),
    ("order_lines", "order_type"): ("order_types",),
    ("order_lines", "status"): ("order_line_statuses",),
    ("order_voucher_splits", "offered_by"): ("discount_sponsors",),
    ("order_attachments", "type"): ("attachment_types",),
    ("products", "status"): ("offer_statuses", "sellable"),
    ("products", "offer_validation_status"): ("offer_validation_statuses", "sellable"),
    ("products", "validation_status"): ("validation_statuses", "sellable"),
    ("products", "translation_validation_status"): ("validation_statuses", "sellable"),
    ("products", "genius_eligibility_type"): ("genius_eligibility_types",),
    ("products", "genius_computed"): ("genius_eligibility_types",),
    ("products", "ownership_code"): ("content_ownerships",),
    ("product_history", "status"): ("offer_statuses",),
    ("product_history", "offer_validation_status"): ("offer_validation_statuses",),
    ("product_history", "validation_status"): ("validation_statuses",),
    ("product_history", "translation_validation_status"): ("validation_statuses",),
    ("returns", "type"): ("order_types",),
    ("returns", "request_status"): ("return_statuses", "is_open"),
    ("returns", "return_type"): ("return_types",),
    ("returns", "return_reason"): ("return_reasons", "level", "parent_code"),
    ("returns", "pickup_method"): ("pickup_methods",),
    ("return_lines", "return_reason"): ("return_reasons", "level", "parent_code"),
    ("awbs", "type"): ("order_types",),
    ("awbs", "awb_type"): ("awb_types",),
    ("awbs", "status_code"): ("awb_status_codes",),
    ("category_characteristics", "type_id"): ("characteristic_types", "takes_several"),
    ("category_family_types", "characteristic_family_type_id"): ("family_displays",),
    ("localities", "country_code"): ("locality_countries",),
    ("courier_accounts", "courier_account_type"): ("courier_account_types",),
    ("addresses", "address_type_id"): ("address_types",),
    ("awb_packages", "label"): ("package_labels",),
    ("invoices", "category"): ("invoice_category_codes",),
    ("customer_invoices", "category"): ("customer_invoice_categories",),
}
# Lists of codes that occur inside JSON or in settings, and that the views therefore do not join.
NOT_JOINED = {
    "category_languages": "a setting",
    "courier_account_properties": "a list of codes in one column",
    "currencies": "the code is its own name",
    "genders": "inside `customer` of orders",
    "image_display_types": "inside `images` of products",
}


class Parent(NamedTuple):
    """The table whose rows the rows of another one belong to.

    Attributes:
        table: Its name.
        on: The columns of both that are equal, besides those of the account.
        current: The condition under which a row still belongs to its parent.
        currency: The parent's currency, where the rows have none of their own.
    """

    table: str
    on: tuple[tuple[str, str], ...]
    current: str = ""
    currency: str = ""


ORDER_COLUMNS = (("type", "order_type"), ("id", "order_id"))
IN_ORDER = "{{ is_current_in_order('t', 'parent') }}"
IN_RETURN = "{{ is_current_in_return('t') }}"
CURRENCY_OF_ORDER = "{{ currency_of_order('parent') }}"
ORDER = Parent("orders", ORDER_COLUMNS, IN_ORDER, CURRENCY_OF_ORDER)
RETURN = Parent("returns", (("emag_id", "return_emag_id"),), IN_RETURN, "parent.currency")
PARENTS = {
    "order_lines": ORDER._replace(currency=""),
    "order_vouchers": ORDER,
    "order_voucher_splits": ORDER,
    "order_attachments": ORDER._replace(currency=""),
    "return_lines": RETURN,
    "return_events": RETURN._replace(currency=""),
    "smart_deals": Parent("products", (("id", "id"),), "", "parent.currency"),
    "invoice_lines": Parent("invoices", (("number", "number"),), "", "parent.currency"),
    "customer_invoice_lines": Parent(
        "customer_invoices", (("number", "number"),), "", "parent.currency"
    ),
}
# A row without its offer has no currency, and remains.
OPTIONAL_PARENTS = ("smart_deals",)
# Conditions of rows that have no parent.
CURRENT = {
    "orders": "{{ is_current_order('t') }}",
    "order_volumetry": "{{ is_latest_volumetry('t') }}",
}
# Columns that follow from others: name, expression, meaning.
COMPUTED = {
    "products": [
        ("gone_at", "{{ gone_at('t') }}", "When the offer was found gone; null while it exists."),
    ],
}
REPLACED = {("orders", "currency"): "{{ currency_of_order('t') }}"}


class Shown(NamedTuple):
    """A column of a view: its name, the expression, and what it means."""

    name: str
    expression: str
    meaning: str


def files() -> dict[str, str | None]:
    """Return the views, and what dbt has to know of tables and views."""
    written: dict[str, str | None] = {
        f"{FOLDER}/stg_emag__{stream.table.name}.sql": _view(stream.table) for stream in _viewed()
    }
    written[f"{FOLDER}/_emag__sources.yml"] = _yaml(_sources())
    written[f"{FOLDER}/_emag__models.yml"] = _yaml(_models())
    present = {str(file.relative_to(ROOT)) for file in (ROOT / FOLDER).glob("stg_emag__*.sql")}
    by_hand = {f"{FOLDER}/stg_emag__personal_data.sql"}
    return {**dict.fromkeys(sorted(present - written.keys() - by_hand)), **written}


def _viewed() -> Iterator[type[EmagStream]]:
    """Yield the streams with a view of their own: all but the lists of codes."""
    yield from (stream for stream in STREAMS if stream.table.keys[len(ACCOUNT_KEYS) :] != ("code",))


def key_name(table: str) -> str:
    """Return the name of a table's surrogate key."""
    singular = re.sub(r"ies$", "y", table).removesuffix("s")
    return KEYS.get(table, f"{singular}_key")


def shown(table: Table) -> list[Shown]:
    """Return the columns of a table's view."""
    keys = table.keys[len(ACCOUNT_KEYS) :]
    rows = [
        Shown(key_name(table.name), _key(keys), "Key of the row, from all key columns."),
        Shown("account_key", _key(()), "Key of the account: marketplace and account_type."),
    ]
    rows += [
        Shown(name, _key(parts), f"Key of the row that {_listed(parts)} name, as far as it exists.")
        for name, parts in FOREIGN.get(table.name, {}).items()
    ]
    for column in table.columns:
        if not may_be_personal(table.name, column.name):
            rows += _with_label(table, column)
    for name, expression, meaning in COMPUTED.get(table.name, []):
        rows.append(Shown(name, expression, meaning))
    parent = PARENTS.get(table.name)
    if parent and parent.currency:
        meaning = "Currency of the amounts, ISO 4217, from the row that this one belongs to."
        rows.append(Shown("currency", parent.currency, meaning))
    return [*rows, Shown("loaded_at", "t._sdc_batched_at", "When the loader took the row in.")]


def _with_label(table: Table, column: Column) -> Iterator[Shown]:
    place = (table.name, column.name)
    yield Shown(column.name, REPLACED.get(place, f"t.{column.name}"), column.meaning)
    if place in LABELS:
        _, *more = LABELS[place]
        stem = column.name.removesuffix("_id").removesuffix("_code")
        # A column `label` has a meaning; `status_name` is eMAG's own word, besides our label.
        name = "label_meaning" if stem == "label" else f"{stem}_label"
        yield Shown(name, f"{column.name}_codes.label", f"Meaning of `{column.name}`.")
        for each in more:
            name = each if each.startswith("is_") else f"{stem}_{each}"
            meaning = f"`{each}` of the code in `{column.name}`."
            yield Shown(name, f"{column.name}_codes.{each}", meaning)


def _key(parts: Sequence[str]) -> str:
    columns = (*(f"t.{key}" for key in ACCOUNT_KEYS), *map(_text, parts))
    return " || ':' || ".join(columns)


def _text(part: str) -> str:
    return "{{ time_in_key('t.changed_at') }}" if part == "changed_at" else f"t.{part}"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(f"`{part}`" for part in parts)


def _view(table: Table) -> str:
    columns = ",\n".join(f"    {_selected(each)}" for each in shown(table))
    lines = [f"-- {HEAD}", "select", columns, f"from {_table(table.name)} as t"]
    conditions = []
    parent = PARENTS.get(table.name)
    if parent:
        kind = "left join" if table.name in OPTIONAL_PARENTS else "inner join"
        lines += [f"{kind} {_table(parent.table)} as parent", *_on("parent", parent.on)]
        conditions += [parent.current] if parent.current else []
    for (owner, column), (codes, *_) in LABELS.items():
        if owner == table.name:
            alias = f"{column}_codes"
            lines += [f"left join {_table(codes)} as {alias}", *_on(alias, (("code", column),))]
    conditions += [CURRENT[table.name]] if table.name in CURRENT else []
    for number, condition in enumerate(conditions):
        lines.append(f"{'and' if number else 'where'} {condition}")
    return "\n".join(lines) + "\n"


def _selected(column: Shown) -> str:
    plain = column.expression == f"t.{column.name}"
    return column.expression if plain else f"{column.expression} as {column.name}"


def _table(name: str) -> str:
    return f"{{{{ emag_table('{name}') }}}}"


def _on(alias: str, columns: Sequence[tuple[str, str]]) -> Iterator[str]:
    pairs = [*((key, key) for key in ACCOUNT_KEYS), *columns]
    for number, (theirs, ours) in enumerate(pairs):
        yield f"    {'and' if number else 'on'} {alias}.{theirs} = t.{ours}"


def _sources() -> dict[str, Any]:
    tables = [
        {
            "name": stream.table.name,
            "description": row_text(stream),
            "columns": [
                {
                    "name": column.name,
                    "data_type": postgres_type(column.type.schema),
                    "description": column.meaning,
                    **_marked(stream.table.name, column.name),
                }
                for column in stream.table.columns
            ],
        }
        for stream in STREAMS
    ]
    schema = "{{ env_var('TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA', 'emag') }}"
    source = {"name": "emag", "schema": schema, "description": "Tables that the loader writes."}
    return {"sources": [{**source, "tables": tables}]}


def _marked(table: str, column: str) -> dict[str, Any]:
    """Mark a column that views leave out: it may contain personal data."""
    return {"config": {"meta": {"personal": True}}} if may_be_personal(table, column) else {}


def _models() -> dict[str, Any]:
    models = []
    for stream in _viewed():
        key, *others = shown(stream.table)
        first = {"name": key.name, "description": key.meaning, "data_tests": ["surrogate_key"]}
        columns = [first, *({"name": c.name, "description": c.meaning} for c in others)]
        name = f"stg_emag__{stream.table.name}"
        models.append({"name": name, "description": row_text(stream), "columns": columns})
    return {"models": models}


def _yaml(content: dict[str, Any]) -> str:
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    return f"# {HEAD}\n{text}"
