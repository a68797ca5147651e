"""Holds the tables in Postgres against the truth, field by field.

What counts as equal is settled here, and nowhere else:

* A column's value has the very type of the truth: `1` is neither `True` nor `Decimal(1)`.
* **Times** are equal when the marketplace's wall clock shows the same. On the autumn night an hour
  is shown twice and the API does not say which is meant; the tables take it as the first. So a time
  in the second half is stored an hour early, and only its wall clock time can be compared.
* **Null in a JSON column** is SQL NULL, or JSON `null` where the tables were not prepared; psycopg
  reads both as None.
* **Scalars inside of JSON** stay as they were sent, and eMAG sends `7`, `"7"` and `7.0000` for the
  same number, or nothing, `""` and null for the same nothing. There, equal means the same value.
* **An object without keys** is `{}` or null, as PHP's `{}` or `[]` made it. A list without items is
  always `[]`: for `enforced_vendor_courier_accounts` null means the opposite.
* **Ownership** comes as true or false, or as code 1 or 2, and has a column for each; one is filled.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from tests.e2e.acceptance.truth import KEYS, OF_ORDERS, Json, Owned, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import LiteralString

    from emag_sandbox.postgres.server import Postgres
    from tests.e2e.acceptance.truth import Key, Row, Truth

SCHEMA = "emag"
LOADED = "_sdc_"  # what the loader's own columns begin with
WALL = ZoneInfo("Europe/Bucharest")
SHOWN = 12  # differences, for a message that can be read
OWNED = {1: True, 2: False, 0: False}  # 0 where everything comes as text: false in PHP's spelling
MISSING = object()


def differences(
    database: Postgres,
    truth: Truth,
    tables: Iterable[str] = tuple(KEYS),
    *,
    current: bool = False,
    gone: Iterable[int] = (),
) -> list[str]:
    """Say where the tables hold something else than the truth; [] when they are equal.

    Args:
        database: Where the tables are.
        truth: What they should hold.
        tables: Which of them to look at.
        current: Whether to pass over rows that have left their order, as the views do.
        gone: Offers that were withdrawn: they stay in `products`, and the views leave them out.
    """
    found: list[str] = []
    for table in tables:
        rows = stored(database, table, current=current)
        keys = [key_of(table, row) for row in rows]
        if len(set(keys)) != len(keys):
            found.append(f"{table}: {len(keys) - len(set(keys))} keys more than once")
        by_key = dict(zip(keys, rows, strict=True))
        if table == "products":
            by_key = {key: row for key, row in by_key.items() if row["id"] not in set(gone)}
        found += _table_differences(table, truth.tables[table], by_key)
    return found[:SHOWN] + [f"… {len(found)} in all"] * (len(found) > SHOWN)


def stored(database: Postgres, table: str, *, current: bool = False) -> list[Row]:
    """Read a table, or those of its rows that are current in their order."""
    query: LiteralString = "SELECT t.* FROM {schema}.{table} AS t"
    if current and table in OF_ORDERS:
        query += (
            " JOIN {schema}.orders AS o ON (o.marketplace, o.account_type, o.type, o.id)"
            " = (t.marketplace, t.account_type, t.order_type, t.order_id)"
            " AND t.order_modified IS NOT DISTINCT FROM o.modified"
        )
    return _read(database, table, query)


def written(database: Postgres, table: str, since: datetime) -> list[Row]:
    """Read the rows of a table that were loaded since a moment; none if there is no such table."""
    with database.connect() as connection:
        there = connection.execute("SELECT to_regclass(%s)", [f"{SCHEMA}.{table}"]).fetchone()
    if there == (None,):
        return []
    query: LiteralString = "SELECT t.* FROM {schema}.{table} AS t WHERE _sdc_batched_at >= {moment}"
    return _read(database, table, query, moment=since)


def _read(database: Postgres, table: str, query: LiteralString, **literals: object) -> list[Row]:
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        connection.execute("SET TimeZone TO 'UTC'")  # a column without a zone holds UTC
        # Numbers inside of JSON are read exactly.
        set_json_loads(partial(json.loads, parse_float=Decimal), cursor)
        cursor.execute(
            sql.SQL(query).format(
                schema=sql.Identifier(SCHEMA), table=sql.Identifier(table), **literals
            )
        )
        return cursor.fetchall()


def wall_clock(moment: datetime) -> datetime:
    """Return what the clock on the marketplace's wall shows; a naive time is UTC, as stored."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return aware.astimezone(WALL).replace(tzinfo=None, fold=0)


def _table_differences(table: str, wanted: dict[Key, Row], rows: dict[Key, Row]) -> list[str]:
    found = [f"{table} {_shown(key)} is missing" for key in wanted if key not in rows]
    found += [f"{table} {_shown(key)} should not be there" for key in rows if key not in wanted]
    for key, truth in wanted.items():
        if key in rows:
            found += [
                f"{table} {_shown(key)}: {line}" for line in _row_differences(truth, rows[key])
            ]
    return found


def _row_differences(truth: Row, row: Row) -> list[str]:
    row = {name: value for name, value in row.items() if not name.startswith(LOADED)}
    seen = row.pop("changed_at", None)  # when the tap saw an offer: no part of the truth
    found = [] if seen is None or isinstance(seen, datetime) else [f"changed_at is {seen!r}"]
    if isinstance(truth.get("ownership"), Owned):
        row["ownership"] = _owned(row["ownership"], row.pop("ownership_code"))
    found += [f"there is no column {name}" for name in truth if name not in row]
    found += [f"the column {name} is one too many" for name in row if name not in truth]
    return found + [
        f"{name} is {row[name]!r}, should be {value!r}"
        for name, value in truth.items()
        if name in row and not _equal(value, row[name])
    ]


def _owned(flag: bool | None, code: int | None) -> bool | None:
    return flag if code is None else OWNED.get(code) if flag is None else None


def _equal(truth: Any, value: Any) -> bool:  # noqa: ANN401 - whatever a column holds
    if isinstance(truth, Json):
        return _same(truth.value, value)
    if isinstance(truth, Owned):
        return truth.value is value
    if isinstance(truth, datetime):
        return isinstance(value, datetime) and wall_clock(truth) == wall_clock(value)
    return type(truth) is type(value) and bool(truth == value)


def _same(truth: Any, value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell whether a JSON value says what the truth says, however loosely it is written."""
    if isinstance(truth, dict):
        if not truth:
            return value in (None, {}, [])
        return (
            isinstance(value, dict)
            and value.keys() <= truth.keys()
            and all(_same(each, value.get(name, MISSING)) for name, each in truth.items())
        )
    if isinstance(truth, list):
        return (
            isinstance(value, list) and len(value) == len(truth) and all(map(_same, truth, value))
        )
    return _same_scalar(truth, value)


def _same_scalar(truth: Any, value: Any) -> bool:  # noqa: ANN401 - any JSON value
    if truth is None:
        return value is MISSING or value in (None, "")
    if isinstance(truth, bool):
        return str(value) in (("True", "1") if truth else ("False", "0"))
    if isinstance(truth, int | Decimal):
        return not isinstance(value, bool) and Decimal(str(value)) == truth
    if isinstance(truth, datetime):
        return bool(value == f"{wall_clock(truth):%Y-%m-%d %H:%M:%S}")
    if isinstance(truth, date):
        return bool(value == truth.isoformat())
    return bool(truth == value)


def _shown(key: Key) -> str:
    return "/".join(map(str, key[2:]))
