"""What the tap replaces of the Singer SDK is there, and is called as the tap expects."""

from __future__ import annotations

import copy
import inspect
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk import Stream, Tap

from tap_emag.singer_io import LockedWriter
from tap_emag.streams.base import ChildStream, EmagStream
from tap_emag.streams.sdk_stream import RowCounter, SdkStream
from tap_emag.tap import STREAMS, TapEmag

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN: tuple[type, ...] = (
    TapEmag,
    LockedWriter,
    RowCounter,
    SdkStream,
    EmagStream,
    ChildStream,
    *STREAMS,
)
# Private to the SDK: their names and arguments may change with any release.
PRIVATE: dict[tuple[type, str], str] = {
    (Stream, "_write_starting_replication_value"): "self, context",
    (Stream, "_increment_stream_state"): "self, latest_record, context",
    (Stream, "_write_state_message"): "self",
    (Stream, "_finalize_state"): "self, state",
    (Stream, "_write_record_message"): "self, record",
    (Stream, "_generate_record_messages"): "self, record",
    (Stream, "_process_record"): "self, record, child_context, partition_context",
    (Stream, "_write_schema_message"): "self",
    (Tap, "_validate_config"): "self, raise_errors",
    (Tap, "_setup_signal_handlers"): "self",
    (Tap, "_handle_termination"): "self, signum, frame",
    (Tap, "_reset_state_progress_markers"): "self",
}


def function(attribute: object) -> Any:  # noqa: ANN401
    """Return the function in a property, class method or the like; None where there is none."""
    if isinstance(attribute, property):
        return attribute.fget
    if isinstance(attribute, cached_property):
        return attribute.func
    if isinstance(attribute, classmethod | staticmethod):
        return attribute.__func__
    return attribute if inspect.isfunction(attribute) else None


def of_sdk(owner: type, name: str) -> bool:
    """Return whether a class of the SDK, above this one, has the name."""
    bases = [base for base in owner.__mro__ if base.__module__.startswith("singer_sdk.")]
    return any(name in vars(base) for base in bases)


def methods() -> Iterator[tuple[type, str, bool]]:
    """Give the methods of our classes, and whether they are marked `@override`."""
    for owner in dict.fromkeys(each for own in OWN for each in own.__mro__):
        if owner.__module__.startswith("tap_emag."):
            for name, attribute in vars(owner).items():
                found = function(attribute)
                if found is not None and not name.startswith("__"):
                    yield owner, name, getattr(found, "__override__", False)


def own_base(owner: type, name: str) -> bool:
    """Return whether a class of ours, above this one, has the name."""
    return any(name in vars(b) for b in owner.__mro__[1:] if b.__module__.startswith("tap_emag."))


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, name, marked in methods() if marked]
)
def test_each_method_marked_override_is_one_of_the_sdk_or_of_ours(owner: type, name: str) -> None:
    assert of_sdk(owner, name) or own_base(owner, name)


def test_the_hooks_are_found() -> None:
    marked = {(owner, name) for owner, name, marked in methods() if marked}
    assert {(SdkStream, "_process_record"), (EmagStream, "partitions")} <= marked
    assert {(TapEmag, "sync_all"), (LockedWriter, "write_message")} <= marked
    assert len(marked) > 30


def test_each_method_that_replaces_one_of_the_sdk_is_marked() -> None:
    replaced = [(owner, name) for owner, name, marked in methods() if of_sdk(owner, name) != marked]
    assert [each for each in replaced if not own_base(*each)] == []


@pytest.mark.parametrize(("base", "name"), PRIVATE)
def test_each_private_hook_takes_what_it_took(base: type, name: str) -> None:
    assert ", ".join(inspect.signature(getattr(base, name)).parameters) == PRIVATE[base, name]


def test_each_private_hook_that_is_replaced_is_listed() -> None:
    replaced = {name for _, name, marked in methods() if marked and name.startswith("_")}
    assert replaced <= {name for _, name in PRIVATE}


@pytest.mark.parametrize("left_out", ["", "status", "customer"])
@pytest.mark.parametrize("alias", ["", "sales"])
def test_rows_are_those_that_the_sdk_makes(left_out: str, alias: str) -> None:
    """The SDK's own method looks for values that are not selected, even if all are."""
    maps = {"stream_maps": {"orders": {"__alias__": alias, "vendor_name": "'x'"}}} if alias else {}
    tap = TapEmag(config={"username": "demo", "password": "demo", **maps})
    stream = tap.streams["orders"]
    assert isinstance(stream, SdkStream)
    if left_out:
        stream.metadata["properties", left_out].selected = False
    row: dict[str, Any] = {name: f"text of {name}" for name in stream.schema["properties"]}
    row["extra"] = {"status": {"nested": 1}}
    [ours] = stream._generate_record_messages(copy.deepcopy(row))
    [sdks] = Stream._generate_record_messages(stream, copy.deepcopy(row))
    assert (ours.stream, ours.record, ours.version) == (sdks.stream, sdks.record, sdks.version)
    assert (left_out in ours.record) is False
    assert ours.record["vendor_name"] == ("x" if alias else "text of vendor_name")
