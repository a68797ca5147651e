"""target-postgres with a sink that writes each row once, by COPY, with exact amounts and times.

The sink of target-postgres inserts new rows and then updates all, those included. Its COPY sends
amounts through binary floats, and drops the offsets of times. Here Postgres reads the text that the
tap has written, and one statement inserts or updates.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from operator import itemgetter
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec
from psycopg.sql import SQL, Identifier
from singer_sdk.contrib.msgspec import MsgSpecReader
from target_postgres.sinks import PostgresSink
from target_postgres.target import TargetPostgres

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import psycopg
    from psycopg.sql import Composed

JSON: Final = "jsonb"
BARE_TIMES: Final = "timestamp without time zone"
ZONED_TIMES: Final = "timestamp with time zone"
# The JSON types whose text Postgres reads as meant, by the type of the column. jsonb takes all.
READ: Final = {
    "bigint": {"integer"},
    "integer": {"integer"},
    "smallint": {"integer"},
    "numeric": {"integer", "number"},
    "boolean": {"boolean"},
    "text": {"string"},
    "date": {"string"},
    BARE_TIMES: {"string"},
    ZONED_TIMES: {"string"},
}
FORMATS: Final = {"date": "date", BARE_TIMES: "date-time", ZONED_TIMES: "date-time"}
STAGE: Final = Identifier("pg_temp", "emag_stage")
TYPES: Final = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""
KEYS: Final = """
SELECT array_agg(attname::text) FROM pg_index JOIN pg_attribute
  ON attrelid = indrelid AND attnum = ANY(indkey)
WHERE indrelid = to_regclass(%s) AND indisprimary AND indimmediate
"""
# In the order of their keys, so that two loads of the same rows wait for each other and do not end
# in a deadlock.
MERGE: Final = """
INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} ORDER BY {keys}
ON CONFLICT ({keys}) DO UPDATE SET {changes}
"""
# For a table without a primary key of these columns, or with one that is deferrable.
UPDATE_AND_INSERT: Final = """
UPDATE {table} AS old SET {changes} FROM {stage} AS excluded WHERE {same};
INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} AS excluded
WHERE NOT EXISTS (SELECT FROM {table} AS old WHERE {same})
"""
encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True)
class Statements:
    """How the rows of one stream get into their table, in one transaction for each batch."""

    keys: Callable[[Mapping[str, Any]], Any]  # the values of a row's keys
    times: bool  # whether one of them is a time
    columns: Sequence[str]
    json: Sequence[int]  # places of the columns that are jsonb
    create_stage: Composed
    copy: Composed
    merge: Composed

    @classmethod
    def of(
        cls, table: Identifier, keys: Sequence[str], types: Mapping[str, str], *, unique: bool
    ) -> Statements:
        """Write them for columns with the types of the table, whose keys may be `unique`.

        The stage keeps the zone of each time.
        """
        comma = SQL(", ")
        staged = (
            SQL("{} {}").format(Identifier(name), SQL(ZONED_TIMES if kind == BARE_TIMES else kind))
            for name, kind in types.items()
        )
        parts = {
            "table": table,
            "stage": STAGE,
            "columns": comma.join(map(Identifier, types)),
            "keys": comma.join(map(Identifier, keys)),
            "changes": comma.join(
                SQL("{0} = excluded.{0}").format(Identifier(each))
                for each in types
                if each not in keys
            ),
            "same": SQL(" AND ").join(
                SQL("old.{0} = excluded.{0}").format(Identifier(each)) for each in keys
            ),
        }
        return cls(
            keys=itemgetter(*keys),
            times=any(types[each] in FORMATS for each in keys),
            columns=[*types],
            json=[place for place, kind in enumerate(types.values()) if kind == JSON],
            create_stage=SQL("CREATE TEMPORARY TABLE emag_stage ({}) ON COMMIT DROP").format(
                comma.join(staged)
            ),
            copy=SQL("COPY {stage} ({columns}) FROM STDIN").format(**parts),
            merge=SQL(MERGE if unique else UPDATE_AND_INSERT).format(**parts),
        )

    def row(self, record: Mapping[str, Any]) -> list[Any]:
        """Return a record as COPY takes it: a value that is missing is NULL, also in jsonb."""
        values = [*map(record.get, self.columns)]
        for place in self.json:
            if values[place] is not None:
                values[place] = encode(values[place]).decode()
        return values


def _reads(kind: str, schema: Mapping[str, Any]) -> bool:
    """Return whether a column of this type can take the text of the values of a JSON schema."""
    if kind == JSON:
        return True
    declared = schema.get("type", ())
    types = {declared} if isinstance(declared, str) else {*declared}
    fits = bool(types) and types <= {*READ.get(kind, ()), "null"}
    return fits and (kind not in FORMATS or FORMATS[kind] == schema.get("format"))


class EmagSink(PostgresSink):  # type: ignore[misc] # the loader's environment has its types
    """Writes by COPY, with `use_copy` and without.

    It is the sink of target-postgres for a stream without keys, a table with columns of other types
    than the stream's, another driver than psycopg, and where null characters are to be replaced:
    then rows are inserted without COPY.
    """

    def setup(self) -> None:
        """Create or check the table, and write the statements."""
        super().setup()
        self._config["use_copy"] = False
        self._statements: Statements | None = None
        with self.connector._connect() as connection:  # noqa: SLF001 - as the parent does
            if connection.dialect.driver == "psycopg":
                self._statements = self._written(connection.connection.driver_connection)

    def _written(self, connection: psycopg.Connection[Any]) -> Statements | None:
        table = Identifier(*filter(None, (self.schema_name, self.table_name)))
        place = [table.as_string(connection)]
        found: dict[str, str] = dict(connection.execute(TYPES, place).fetchall())
        types = {name: found[name] for name in self.schema["properties"]}
        keys = {*self.key_properties}
        if (
            not keys
            or not keys < types.keys()
            or not all(_reads(types[name], of) for name, of in self.schema["properties"].items())
            or self.connector.sanitize_null_text_characters
        ):
            return None
        [(primary,)] = connection.execute(KEYS, place).fetchall()
        unique = keys == {*(primary or ())}
        return Statements.of(table, self.key_properties, types, unique=unique)

    def _validate_and_parse(self, record: dict[str, Any]) -> dict[str, Any]:
        """Leave times as the text that they are: Postgres reads it.

        Of rows with a time in their key, two may have the same time in different words.
        """
        statements = self._statements
        if statements and not statements.times and not self.validate_schema:
            return record
        parsed: dict[str, Any] = super()._validate_and_parse(record)
        return parsed

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Keep the latest row of each key."""
        if self._statements is None:
            super().process_record(record, context)
            return
        row = self._statements.row(record)
        context.setdefault("rows", {})[self._statements.keys(record)] = row

    def process_batch(self, context: dict[str, Any]) -> None:
        """Write a batch in one transaction; a BATCH message gives it as records."""
        statements = self._statements
        if statements is None:
            super().process_batch(context)
            return
        for record in context.get("records", ()):
            self.process_record(self._validate_and_parse(record), context)
        with self.connector._connect() as connection, connection.begin():  # noqa: SLF001
            cursor = connection.connection.cursor()
            self.logger.info("Merging with SQL: %s", statements.merge.as_string(cursor))
            cursor.execute(statements.create_stage)
            with cursor.copy(statements.copy) as copy:
                for row in context.get("rows", {}).values():
                    copy.write_row(row)
            cursor.execute(statements.merge)


class Reader(MsgSpecReader):
    """Reads messages as bytes; a number with a fraction becomes an exact decimal."""

    default_input: IO[Any] = sys.stdin.buffer


class EmagLoader(TargetPostgres):  # type: ignore[misc]
    """The target that `emag-loader` runs."""

    name = "target-postgres"
    default_sink_class = EmagSink
    message_reader_class = Reader
