"""Reads catalog, state and environment, and writes messages to standard output.

A catalog only selects streams and columns; keys, types and replication keys are always the tap's
own. With those of an old or hand-written catalog, the target might add rows instead of updating
them, or delete all rows that did not change.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import MetadataMapping

from tap_emag.errors import TARGET_GONE, ConfigurationError, TargetGoneError
from tap_emag.schema.json_body import parse
from tap_emag.settings.settings import SETTINGS

if sys.version_info >= (3, 12):
    from typing import override as override  # noqa: PLC0414 - other modules take it from here
else:
    from typing_extensions import override as override  # noqa: PLC0414

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import IO

    from singer_sdk.singerlib.encoding.simple import Message

    from tap_emag.errors import EmagError
    from tap_emag.schema.table import Table

PREFIX = "TAP_EMAG_"
NO_OUTPUT = "standard output: is closed; start the tap with a target, or with a file to write to"
Json = dict[str, Any]
Choice = dict[tuple[str, ...], bool]  # what is selected, by breadcrumb


class Selectable(Protocol):
    """The part of a stream that a catalog's entry is made of."""

    table: ClassVar[Table]
    selected_by_default: bool


def restrict_catalog(
    catalog: object, streams: Sequence[type[Selectable]], warn: Callable[[str], None]
) -> Json:
    """Return a catalog with the tap's own tables and the selection of the given one.

    A stream that the given one does not name has its default selection.

    Args:
        catalog: The input, of any form.
        streams: The tap's streams.
        warn: Called for each selected stream that does not exist.

    Raises:
        ConfigurationError: The input is not a catalog.
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
        raise _wrong("has no list `streams`")
    for entry in listed:
        name = entry.get("tap_stream_id") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise _wrong("has a stream without `tap_stream_id`")
        metadata = entry.get("metadata") or []
        if not isinstance(metadata, list):
            raise _wrong(f"{name!r}: its `metadata` is not a list")
        found = (_selected(name, item) for item in metadata)
        yield name, {place: selected for place, selected in found if selected is not None}


def _selected(stream: str, item: object) -> tuple[tuple[str, ...], bool | None]:
    place = item.get("breadcrumb") if isinstance(item, dict) else None
    values = item.get("metadata") if isinstance(item, dict) else None
    if (
        not isinstance(place, list | tuple)
        or not all(isinstance(step, str) for step in place)
        or not isinstance(values, dict)
    ):
        raise _wrong(f"{stream!r}: its `metadata` has no `breadcrumb` and `metadata`")
    selected = values.get("selected")
    if not isinstance(selected, bool | None):
        raise _wrong(f"{stream!r}: `selected` is neither true nor false")
    return tuple(place), selected


def _entry(stream: type[Selectable], choice: Choice) -> Json:
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


def json_value(name: str, file: IO[str] | None) -> dict[str, Any] | None:
    """Return the JSON object in a file; None where there is no file.

    Args:
        name: What the file is: state or catalog.
        file: The open file.

    Raises:
        ConfigurationError: It cannot be read, is not a JSON object, or has oddities (see `parse`).
    """
    if file is None:
        return None
    try:
        text = file.read()
        parsed = parse(text.encode())
        found = None if parsed.oddities else parsed.value
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise ConfigurationError([f"{name}: the file is not a JSON object; write another, or none"])
    return found


def environment(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the settings in `TAP_EMAG_…` variables, with the types of a schema.

    If one has a wrong type, all are returned as texts: the check of settings names the wrong ones.
    """
    try:
        return parse_environment_config(schema, PREFIX)
    except (ValueError, TypeError):
        names = {f"{PREFIX}{setting.name.upper()}": setting.name for setting in SETTINGS}
        return {names[name]: value for name, value in os.environ.items() if name in names}


class LockedWriter(MsgSpecWriter):
    """Writes messages one at a time, from any thread.

    msgspec is fast, and writes Decimal as an exact JSON number.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the SDK's own
        """Create the lock."""
        super().__init__(*args, **kwargs)
        self._lock = threading.Lock()

    @override
    def write_message(self, message: Message) -> None:
        """Write one message to standard output.

        Raises:
            EmagError: It cannot be written to.
        """
        if sys.stdout is None:
            raise ConfigurationError([NO_OUTPUT])
        with self._lock:
            try:  # not with output(): it takes as long as the rest
                super().write_message(message)
            except OSError as error:
                raise _output_error(error) from None


@contextmanager
def output() -> Iterator[None]:
    """Convert errors of standard output to errors that name the remedy.

    Raises:
        ConfigurationError: Its disk is full, or it is closed.
        TargetGoneError: Its reader has closed it.
    """
    if sys.stdout is None:
        raise ConfigurationError([NO_OUTPUT])
    try:
        yield
    except OSError as error:
        raise _output_error(error) from None


def _output_error(error: OSError) -> EmagError:
    if isinstance(error, BrokenPipeError):
        return TargetGoneError(TARGET_GONE)
    problem = (
        f"standard output: cannot be written to ({error.strerror}); free some space there, or write"
        " to another place"
    )
    return ConfigurationError([problem])
