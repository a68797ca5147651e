"""Finds the tables that the eMAG plugins of a project load, with the columns that each one sends.

What a plugin does not select, or a stream map drops, is not created, so that a database without
names has no column of names either. A table that was loaded before keeps what it has.

`streams.json` has the tables of all streams, so that a job need not import the SDK for them.
"""

from __future__ import annotations

import fnmatch
import json
import logging
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tap_emag.ops.meltano.pipelines import OwnPipelines
from tap_emag.ops.meltano.plugin_config import PluginConfig
from tap_emag.schema.postgres_types import TIMES, postgres_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

STREAMS: Final = Path(__file__).with_name("streams.json")
# Columns that the loader adds to each table; Meltano's SDK describes them.
METADATA: Final = {
    "_sdc_extracted_at": (TIMES, "When the tap wrote the row."),
    "_sdc_received_at": (TIMES, "When the loader read the row."),
    "_sdc_batched_at": (TIMES, "When the loader began to store the row."),
    "_sdc_deleted_at": (TIMES, "When a full read did not bring the row any more."),
    "_sdc_sequence": ("bigint", "When the loader read the row, in milliseconds since 1970."),
    "_sdc_table_version": ("bigint", "Version of the table, where the tap writes one."),
    "_sdc_sync_started_at": ("bigint", "When the loader began, in milliseconds since 1970."),
}
# The marts take up what was loaded since their last build; `int_loaded` of dbt lists the same.
LOADED_AT: Final = "_sdc_batched_at"
OF_MARTS: Final = frozenset(
    {
        *("orders", "order_lines", "order_vouchers", "order_voucher_splits"),
        *("returns", "return_lines", "products", "product_history", "product_deletions"),
        *("invoices", "invoice_lines", "customer_invoices", "customer_invoice_lines"),
    }
)
logger = logging.getLogger("emag-ops")


class StreamTable(NamedTuple):
    """The table of one stream, with the JSON schema of each column."""

    name: str
    meaning: str
    keys: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...]
    columns: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Selection:
    """What one plugin selects, and how it maps it."""

    patterns: tuple[str, ...]
    maps: Mapping[str, Any]
    map_config: Mapping[str, Any]


@dataclass(frozen=True)
class DeclaredColumn:
    """A column: its type in Postgres, and its comment."""

    type: str
    meaning: str | None


@dataclass
class DeclaredTable:
    """A table; a plugin loads the columns in `loaded`, none of them where no plugin does."""

    name: str
    meaning: str
    keys: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...]
    columns: dict[str, DeclaredColumn] = field(default_factory=dict)
    loaded: set[str] = field(default_factory=set)


@cache
def stream_tables() -> list[StreamTable]:
    """Return the tables of all streams."""
    return [
        StreamTable(name, meaning, tuple(keys), tuple(map(tuple, indexes)), columns)
        for name, meaning, keys, indexes, columns in json.loads(STREAMS.read_text(encoding="utf-8"))
    ]


def selections(root: Path, environment: Mapping[str, str]) -> list[Selection]:
    """Return what each eMAG plugin of a project selects and maps.

    Raises:
        ConfigurationError: meltano.yml cannot be read.
    """
    plugins = PluginConfig(root, "extractors", environment)
    found = []
    for name in sorted(OwnPipelines.of_project(root).extractors):
        config = plugins.config(name)
        maps, settings = config.get("stream_maps") or {}, config.get("stream_map_config") or {}
        found.append(Selection(plugins.select(name), maps, settings))
    return found


def declared_tables(
    selections: Iterable[Selection], *, metadata: bool = True
) -> dict[str, DeclaredTable]:
    """Return all tables by name, also those that a stream map renames.

    Args:
        selections: Those of all plugins that load into one schema.
        metadata: Whether the loader adds its own columns.
    """
    found = {stream.name: _complete(stream) for stream in stream_tables()}
    for selection in _distinct(selections):
        for stream in stream_tables():
            for name, keys, properties in _mapped(stream, selection):
                table = found.setdefault(name, _empty(stream, name))
                table.keys = keys
                for column, schema in properties.items():
                    meaning = stream.columns.get(column, {}).get("description")
                    table.columns[column] = DeclaredColumn(postgres_type(schema), meaning)
                table.loaded |= properties.keys()
    for table in found.values():
        table.columns |= {name: DeclaredColumn(*given) for name, given in METADATA.items()}
        if metadata and table.loaded:
            table.loaded |= METADATA.keys()
    return found


def _distinct(selections: Iterable[Selection]) -> Iterator[Selection]:
    known: list[Selection] = []
    for each in selections:
        if each not in known:
            known.append(each)
            yield each


def _empty(stream: StreamTable, name: str) -> DeclaredTable:
    indexes = stream.indexes
    if stream.name in OF_MARTS:
        indexes = (*indexes, (LOADED_AT,))
    return DeclaredTable(name, stream.meaning, stream.keys, indexes)


def _complete(stream: StreamTable) -> DeclaredTable:
    table = _empty(stream, stream.name)
    for column, schema in stream.columns.items():
        table.columns[column] = DeclaredColumn(postgres_type(schema), schema["description"])
    return table


def _mapped(
    table: StreamTable, selection: Selection
) -> Iterator[tuple[str, tuple[str, ...], dict[str, Any]]]:
    """Yield name, keys and columns of each table that a stream fills, as its maps change it."""
    chosen = {*_selected(table, selection.patterns)}
    if not chosen:
        return
    properties = {name: given for name, given in table.columns.items() if name in chosen}
    if not selection.maps:
        yield table.name, table.keys, properties
        return
    from singer_sdk.mapper import PluginMapper, RemoveRecordTransform  # noqa: PLC0415 - large

    schema = {"type": "object", "properties": properties, "required": [*table.keys]}
    settings = {
        "stream_maps": dict(selection.maps),
        "stream_map_config": dict(selection.map_config),
    }
    try:
        mapper = PluginMapper(settings, logger)
        mapper.register_raw_stream_schema(table.name, schema, table.keys)
    except Exception as error:  # noqa: BLE001 - the tap itself reports it, with the remedy
        logger.debug("stream_maps: %s", type(error).__name__)
        return
    for each in mapper.stream_maps[table.name]:
        if not isinstance(each, RemoveRecordTransform):
            keys = tuple(each.transformed_key_properties or ())
            yield each.stream_alias, keys, each.transformed_schema["properties"]


@cache
def selected_streams(patterns: tuple[str, ...]) -> list[str]:
    """Return the streams that a plugin with these patterns reads."""
    return [table.name for table in stream_tables() if [*_selected(table, patterns)]]


def _selected(table: StreamTable, patterns: Iterable[str]) -> Iterator[str]:
    """Yield the selected columns; key columns always come with the others."""
    rules = [_rule(each) for each in patterns]
    wanted = [column for stream, column, out in rules if not out and _is(table.name, stream)]
    refused = [column for stream, column, out in rules if out and _is(table.name, stream)]
    if not wanted or "*" in refused:
        return
    for column in table.columns:
        chosen = any(_is(column, each) for each in wanted)
        if column in table.keys or (chosen and not any(_is(column, each) for each in refused)):
            yield column


def _rule(pattern: str) -> tuple[str, str, bool]:
    """Return the patterns of stream and column, and whether they are left out."""
    stream, _, column = pattern.removeprefix("!").partition(".")
    return stream, column.partition(".")[0] or "*", pattern.startswith("!")


def _is(name: str, pattern: str) -> bool:
    return fnmatch.fnmatch(name, pattern)
