"""The catalog as a run is given it: it chooses streams and columns, and nothing else.

Keys, types and what a bookmark is of are the tables' own. A catalog that said otherwise, because it
is old or was written by hand, would make the target add rows instead of updating them, or take all
rows that did not change for deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib import MetadataMapping

from tap_emag.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_emag.streams.base import EmagStream

Json = dict[str, Any]
Choice = dict[tuple[str, ...], bool]  # what is selected, by breadcrumb


def usable(
    catalog: object, streams: Sequence[type[EmagStream]], warn: Callable[[str], None]
) -> Json:
    """Return a catalog with the tap's own tables and the selection of the given one.

    A stream that the given one leaves out is as it is by default.

    Args:
        catalog: What was given, of any form.
        streams: The tap's streams.
        warn: Told of streams that are chosen and do not exist.

    Raises:
        ConfigurationError: It is no catalog.
    """
    chosen: dict[str, Choice] = {}
    for name, choice in _choices(catalog):
        if name in chosen:
            raise _wrong(f"names the stream {name!r} twice")
        chosen[name] = choice
    known = {stream.table.name for stream in streams}
    for name, choice in chosen.items():
        if name not in known and choice.get(()) is not False:
            warn(f"the catalog chooses {name!r}, which tap-emag does not have")
    return {"streams": [_entry(stream, chosen.get(stream.table.name, {})) for stream in streams]}


def _choices(catalog: object) -> Iterator[tuple[str, Choice]]:
    listed = catalog.get("streams") if isinstance(catalog, dict) else None
    if not isinstance(listed, list):
        raise _wrong("holds no list `streams`")
    for entry in listed:
        name = entry.get("tap_stream_id") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise _wrong("holds a stream without `tap_stream_id`")
        metadata = entry.get("metadata") or []
        if not isinstance(metadata, list):
            raise _wrong(f"{name!r}: its `metadata` is no list")
        told = (_selected(name, item) for item in metadata)
        yield name, {place: selected for place, selected in told if selected is not None}


def _selected(stream: str, item: object) -> tuple[tuple[str, ...], bool | None]:
    place = item.get("breadcrumb") if isinstance(item, dict) else None
    told = item.get("metadata") if isinstance(item, dict) else None
    if (
        not isinstance(place, list | tuple)
        or not all(isinstance(step, str) for step in place)
        or not isinstance(told, dict)
    ):
        raise _wrong(f"{stream!r}: its `metadata` holds no `breadcrumb` and `metadata`")
    selected = told.get("selected")
    if not isinstance(selected, bool | None):
        raise _wrong(f"{stream!r}: `selected` is neither true nor false")
    return tuple(place), selected


def _entry(stream: type[EmagStream], choice: Choice) -> Json:
    table = stream.table
    key = getattr(stream, "replication_key", None)
    key = key if isinstance(key, str) else None
    metadata = MetadataMapping.get_standard_metadata(
        schema=table.schema(),
        key_properties=table.keys,
        valid_replication_keys=[key] if key else None,
        selected_by_default=stream.selected_by_default,
    )
    for place in metadata.keys() & choice.keys():
        metadata[place].selected = choice[place]
    return {
        "tap_stream_id": table.name,
        "stream": table.name,
        "key_properties": list(table.keys),
        "replication_key": key,
        "schema": table.schema(),
        "metadata": metadata.to_list(),
    }


def _wrong(problem: str) -> ConfigurationError:
    return ConfigurationError(
        [f"catalog: {problem}; write a new one: `tap-emag --discover > catalog.json`"]
    )
