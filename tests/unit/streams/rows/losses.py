"""What the API might send, and the checks that nothing of it is lost on the way to rows."""

from __future__ import annotations

import functools
import importlib
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st

from tap_emag.schema.cleaning import clean, fits_numeric
from tap_emag.schema.column_types import DATE, FLAG, MONEY, TIMESTAMP, MisfitError
from tests.unit.streams.rows.payloads import CLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_emag.schema.table import Table

# Comes with the SDK, but without type stubs.
VALIDATOR = importlib.import_module("jsonschema").Draft202012Validator
WRITER = msgspec.json.Encoder(decimal_format="number")

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 6)
    | st.decimals(allow_nan=False, allow_infinity=False).filter(fits_numeric)
    | st.text()
    | st.integers().map(str)
    | st.sampled_from(
        [
            *("", " ", "0", "1", "true", "12.0", "10,07", "1.234,56", "NaN", "\0", "a\0b"),
            *("2026-03-02 11:19:26", "2026-10-25 03:30:00", "2026-02-20", "0000-00-00 00:00:00"),
            *("1784106000", 1784106000, 2**63, 10**40, "9 Mar 2026, 10:00"),
        ]
    )
)
KEYS = st.text() | st.sampled_from(
    [
        *("id", "name", "value", "description", "Description", "errors", "0", "1", "voucher_id"),
        *("url", "order_id", "type", "recycle_warranty_voucher_split", "marketplace", "extra"),
        *("emag_id", "requests", "values", "characteristics", "number", "data", "results", "code"),
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


# Each of hundreds of places gets its own share; a busy machine may take its time.
EXAMPLES = settings(max_examples=40, deadline=None)


@functools.cache
def validator(table: Table) -> Any:  # noqa: ANN401 - jsonschema has no types
    return VALIDATOR(table.schema())


def wire_keys(table: Table) -> list[str]:
    keys = {source.split(".")[0] for column in table.columns for source in column.wire_keys()}
    return sorted(keys | set(table.children))


def check_rows(table: Table, rows: Sequence[dict[str, Any]]) -> None:
    names = {column.name for column in table.columns}
    keys = [tuple(row[key] for key in table.keys) for row in rows]
    assert len(set(keys)) == len(keys)
    for row, key in zip(rows, keys, strict=True):
        assert None not in key
        assert set(row) | {"changed_at"} == names | {"changed_at"}
        validator(table).validate(row)
        text = WRITER.encode(row).decode()
        assert clean(row) == row, "no NUL, no half pair, no endless number"
        assert json.loads(text, parse_float=Decimal).keys() == row.keys()


def leaves(value: object) -> Iterator[object]:
    """Yield the scalars of a JSON value that say something."""
    if isinstance(value, dict | list):
        for item in value if isinstance(value, list) else value.values():
            yield from leaves(item)
    elif value is not None and not (isinstance(value, str) and not value.replace("\0", "").strip()):
        yield value


def forms(value: object) -> set[tuple[str, object]]:
    """Return every form in which a column may say what a scalar says."""
    found: set[tuple[str, object]] = {(type(value).__name__, value)}
    text = str(value).lower() if isinstance(value, bool) else str(value)
    found.add(("text", text))
    for name, kind in (("number", MONEY), ("flag", FLAG), ("date", DATE)):
        assert kind.parse is not None
        try:
            found.add((name, kind.parse(value)))
        except MisfitError:
            continue
    try:
        found.add(("text", CLOCK.utc(value)))
    except MisfitError:
        return found
    return found


def check_kept(value: object, rows: Sequence[dict[str, Any]]) -> None:
    said = {form for leaf in leaves(rows) for form in forms(leaf)}
    zero = {"0000-00-00 00:00:00"}
    for leaf in leaves(clean(value)):
        assert leaf in zero or forms(leaf) & said, f"{leaf!r} is lost"


def check_tables(tables: Mapping[Table, Sequence[dict[str, Any]]], sent: object) -> None:
    """Check the rows of everything that one object became."""
    for table, rows in tables.items():
        check_rows(table, rows)
    check_kept(sent, [row for rows in tables.values() for row in rows])


def check_schema(table: Table) -> None:
    schema = table.schema()
    VALIDATOR.check_schema(schema)
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert names[:2] == ["marketplace", "account_type"]
    assert schema["required"] == list(table.keys)
    assert list(schema["properties"]) == names
    for name, column in schema["properties"].items():
        assert ("null" in column["type"]) is (name not in table.keys)
        assert len(column["description"]) > 10
        assert column["description"].endswith(".")
    times = [column.name for column in table.columns if column.type is TIMESTAMP]
    assert all("UTC" in schema["properties"][name]["description"] for name in times)
