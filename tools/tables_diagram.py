"""Generates `docs/tables-diagram.md`, a diagram of tables and their parents, from the streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_emag.schema.account_columns import ACCOUNT_KEYS
from tap_emag.schema.postgres_types import postgres_type
from tap_emag.tap import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.schema.table import Table
    from tap_emag.streams.base import EmagStream

# Streams that one reply fills have one parent; this table is a level deeper.
INSIDE = {"awb_parcels": "awbs"}
PAGE = """\
# Diagram of the tables

<!-- `make generate` writes this page from the tables' declarations. -->

Each table with its key, and the tables whose rows belong to a row of another one. Every key begins
with {account}; the diagram leaves these two out. [tables.md](tables.md) lists all columns,
and the tables of codes, such as `order_statuses`.

```mermaid
erDiagram
{lines}
```
"""


def files() -> dict[str, str | None]:
    """Return the page."""
    shown = [each for each in STREAMS if _keys(each.table) != ("code",)]
    lines = [line for each in shown for line in _entity(each.table)]
    lines += [line for each in shown for line in _relation(each)]
    account = " and ".join(f"`{key}`" for key in ACCOUNT_KEYS)
    return {"docs/tables-diagram.md": PAGE.format(account=account, lines="\n".join(lines))}


def _keys(table: Table) -> tuple[str, ...]:
    return table.keys[len(ACCOUNT_KEYS) :]


def _entity(table: Table) -> Iterator[str]:
    types = {each.name: postgres_type(each.type.schema) for each in table.columns}
    yield f"  {table.name} {{"
    for key in _keys(table):
        yield f"    {types[key]} {key} PK"
    yield "  }"


def _relation(stream: type[EmagStream]) -> Iterator[str]:
    parents = [each for each in STREAMS if each is stream.parent_stream_type]
    for parent in parents:
        name = stream.table.name
        yield f"  {INSIDE.get(name, parent.table.name)} ||--o{{ {name} : has"
