"""Sets up the stream maps of the settings, and refuses invalid ones.

A map may name a stream that this run does not select: one project's maps serve all of its plugins,
each of which selects some streams. Such a map is checked like any other and changes nothing, but
its `__filter__` still decides which rows of a parent have children.
"""

from __future__ import annotations

import fnmatch
import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MapExpressionError, StreamMapConfigError
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.mapper import CustomStreamMap, PluginMapper

from tap_emag.errors import ConfigurationError, EmagError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Mapping

    from singer_sdk import Stream
    from singer_sdk.singerlib import Catalog, CatalogEntry

DROP = (None, "__NULL__")
CONFIG = re.compile(r"config\[\W+(\w+)\W+\]")
PAGE = "see docs/personal-data.md"


def stream_mapper(
    config: Mapping[str, Any], catalog: Catalog, logger: logging.Logger
) -> PluginMapper:
    """Return the mapper for all streams of a catalog.

    Raises:
        ConfigurationError: A map is invalid, or names a stream or column that does not exist.
    """
    settings = dict(config) | {
        name: dict(config.get(name) or {}) for name in ("stream_maps", "stream_map_config")
    }
    problems = [
        *_unset(settings["stream_maps"], settings["stream_map_config"]),
        *_unknown(settings["stream_maps"], catalog),
    ]
    if problems:
        raise ConfigurationError(problems)
    try:
        mapper = PluginMapper(settings, logger)
        for entry in catalog.streams:
            mapper.register_raw_stream_schema(
                entry.tap_stream_id, _schema(entry), entry.key_properties
            )
    except (StreamMapConfigError, MapExpressionError, NotImplementedError) as error:
        raise ConfigurationError([f"stream_maps: {error} Change the map; {PAGE}"]) from None
    return mapper


@contextmanager
def mapping(stream: Stream) -> Iterator[None]:
    """Turn an error of a stream's maps on a row into a configuration error.

    Raises:
        ConfigurationError: An expression fails; the message repeats no value of the row.
    """
    try:
        yield
    except Exception as error:
        mapped = any(isinstance(one, CustomStreamMap) for one in stream.stream_maps)
        if not mapped or isinstance(error, OSError | EmagError):
            raise
        raise ConfigurationError(
            [f"stream_maps: {stream.name}: {_reason(error)}; change the map, {PAGE}"]
        ) from None


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    if isinstance(error, MapExpressionError) and hasattr(cause, "name"):
        return f"an expression reads {cause.name!r}, which is not a selected column"
    return f"an expression fails on a row with {type(cause).__name__}"


def _schema(entry: CatalogEntry) -> dict[str, Any]:
    """Return the columns that a map acts on; of an unselected stream all of them."""
    schema = entry.schema.to_dict()
    chosen = entry.metadata.resolve_selection()
    return get_selected_schema(entry.tap_stream_id, schema, chosen) if chosen[()] else schema


def _unset(maps: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[str]:
    """Find values that expressions need but an empty variable left unset: Meltano omits those."""
    for name in dict.fromkeys(CONFIG.findall(json.dumps(maps, default=str))):
        if values.get(name) in (None, ""):
            yield (
                f"stream_map_config: {name!r} is not set, and stream_maps read it; set the"
                " variable it names, or write a text"
            )


def _unknown(maps: Mapping[str, Any], catalog: Catalog) -> Iterator[str]:
    """Find maps of missing streams, and dropped columns that are missing: data would stay."""
    tables = {entry.tap_stream_id: set(entry.schema.properties or ()) for entry in catalog.streams}
    for name, given in maps.items():
        if name.startswith("__"):
            continue
        columns = given if isinstance(given, dict) else {}
        source = str(columns.get("__source__", name))
        found = fnmatch.filter(tables, source)
        if not found:
            names = ", ".join(tables)
            yield f"stream_maps: tap-emag has no stream {source!r}; write one of {names}"
            continue
        known = set().union(*(tables[table] for table in found))
        for column, mapped in columns.items():
            if mapped in DROP and not column.startswith("__") and column not in known:
                yield f"stream_maps: {source!r} has no column {column!r}; see docs/tables.md"
