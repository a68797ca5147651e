"""Generates `docs/tables.md` from the tables' own declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_emag.schema.postgres_types import postgres_type
from tap_emag.schema.vat import Vat
from tap_emag.streams.row_texts import row_text
from tap_emag.tap import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_emag.schema.table import Column, Table
    from tap_emag.streams.base import EmagStream

INTRODUCTION = """\
# Tables

<!-- `make generate` writes this page from the tables' declarations. -->

Every column of every table, with its type in Postgres. Key columns are bold and never null; all
others may be null. Amounts and rates are exact.

Which keys eMAG documents, and which were only observed: [api-keys.md](api-keys.md).

The loader adds columns of its own, whose names begin with `_sdc_`. How to use all this:
[querying.md](querying.md). Which tables belong together: [tables-diagram.md](tables-diagram.md).
"""

VAT = """
## VAT in amounts

Whether VAT is in an amount, and how that is known. Documented is what eMAG's API documentation
4.5.1 gives; observed is what replies showed where the documentation is silent. Unknown is neither:
do not add such an amount to others. The description of each amount ends with the same words.

| VAT | amounts |
| --- | --- |"""


def files() -> dict[str, str | None]:
    """Return the page."""
    lines = [INTRODUCTION, *_overview(STREAMS), VAT, *_amounts(STREAMS)]
    for stream in STREAMS:
        lines += ["", *_page(stream)]
    return {"docs/tables.md": "\n".join(lines) + "\n"}


def _overview(streams: Iterable[type[EmagStream]]) -> Iterator[str]:
    yield "| table | a row is | key |"
    yield "| --- | --- | --- |"
    for stream in streams:
        name = stream.table.name
        yield f"| [`{name}`](#{name}) | {row_text(stream)} | {_keys(stream.table)} |"


def _amounts(streams: Iterable[type[EmagStream]]) -> Iterator[str]:
    """Yield a line for each thing that may be known of an amount's VAT."""
    tables = [stream.table for stream in streams]
    for vat in Vat:
        names = [f"`{t.name}.{c.name}`" for t in tables for c in t.columns if c.vat is vat]
        yield f"| {vat.value} | {', '.join(names)} |"


def _page(stream: type[EmagStream]) -> Iterator[str]:
    table = stream.table
    yield f"## {table.name}"
    yield ""
    yield f"{row_text(stream)} Key: {_keys(table)}."
    yield ""
    yield "| column | type | meaning |"
    yield "| --- | --- | --- |"
    for column in table.columns:
        yield f"| {_name(table, column)} | {postgres_type(column.type.schema)} | {_text(column)} |"


def _keys(table: Table) -> str:
    return ", ".join(f"`{key}`" for key in table.keys)


def _name(table: Table, column: Column) -> str:
    name = f"`{column.name}`"
    return f"**{name}**" if column.name in table.keys else name


def _text(column: Column) -> str:
    return column.meaning.replace("|", "\\|")
