"""The Postgres types of columns.

`emag-ops prepare-tables` creates columns of these types. The loader creates the same, except for
times: its own columns of times have no time zone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMES: Final = "timestamptz"
JSON: Final = "jsonb"
STRINGS: Final = {"date-time": TIMES, "date": "date"}  # by format
OTHERS: Final = {"integer": "bigint", "number": "numeric", "boolean": "boolean", "null": "text"}


def postgres_type(schema: Mapping[str, Any]) -> str:
    """Return the type of the column for a JSON schema, null or not, as Postgres names it."""
    given = schema.get("type", "null")
    kinds = [kind for kind in (given if isinstance(given, list) else [given]) if kind != "null"]
    kind = kinds[0] if len(kinds) == 1 else "object" if kinds else "null"
    if kind == "string":
        return STRINGS.get(schema.get("format", ""), "text")
    return OTHERS.get(kind, JSON)
