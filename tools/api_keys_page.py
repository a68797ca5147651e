"""Generates `docs/api-keys.md`: each key that eMAG's API sends, and the column it arrives in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emag_sandbox.documented import MARKS, RESOURCES, TYPES, keys
from tap_emag.streams.codes.table import CODE_TABLES
from tools.key_columns import NO_COLUMN, PLACES, is_container, targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emag_sandbox.documented import Key

INTRODUCTION = """\
# Keys of the API

<!-- `make generate` writes this page from `emag_sandbox/documented` and from the tables. -->

Every key that eMAG's API is known to send, and the column it arrives in. A test sends a value of
its own under each key and finds it in that column. A key that is not listed arrives in `extra`, and
the tap logs it. What the columns mean: [tables.md](tables.md). A link after the type leads to the
table that explains the codes.
"""
CODE_LISTS = {codes.table.name for codes in CODE_TABLES}


def files() -> dict[str, str | None]:
    """Return the page."""
    lines = [INTRODUCTION, *_legend()]
    for resource in RESOURCES:
        lines += ["", f"## {resource}", ""]
        lines += _table(resource) if resource in PLACES else [_reason(resource)]
    return {"docs/api-keys.md": "\n".join(lines) + "\n"}


def _legend() -> Iterator[str]:
    yield "| mark | the key is |"
    yield "| --- | --- |"
    yield from (f"| {mark} | {meaning} |" for mark, meaning in MARKS.items())
    yield ""
    yield "| type | values |"
    yield "| --- | --- |"
    yield from (f"| {name} | {meaning} |" for name, meaning in TYPES.items())


def _reason(resource: str) -> str:
    return f"No table has it. {NO_COLUMN[resource]}"


def _table(resource: str) -> Iterator[str]:
    yield "| key | type | mark | column |"
    yield "| --- | --- | --- | --- |"
    for key in keys(resource):
        kind = f"{key.type} or null" if key.nullable else key.type
        if key.codes in CODE_LISTS:
            kind += f", [`{key.codes}`](tables.md#{key.codes})"
        yield f"| `{key.path}` | {kind} | {key.mark} | {_column(resource, key)} |"


def _column(resource: str, key: Key) -> str:
    found = targets(resource, key.path)
    if is_container(key) and key.path in PLACES[resource]:
        return f"rows of `{PLACES[resource][key.path].table}`"
    if is_container(key) and not found:
        return "its keys"
    if not found:
        return NO_COLUMN[f"{resource}: {key.path}"]
    names = []
    for target in found:
        assert target.column is not None  # noqa: S101 - a list of rows was handled before
        name = f"`{target.place.table}.{target.column.name}`"
        names.append(f"`{'.'.join(target.inner)}` in {name}" if target.inner else name)
    return ", ".join(names)
