"""Writes the rows of child streams, which come in their parent's replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from singer_sdk.helpers.types import Record
    from singer_sdk.metrics import Counter

    from tap_emag.streams.sdk_stream import SdkStream


class Row(dict[str, Any]):
    """A parent's row, with the child rows of the same reply by stream name."""

    def __init__(self, row: Mapping[str, Any], children: Mapping[str, list[Record]]) -> None:
        """Keep the children in an attribute, which is not written with the row."""
        super().__init__(row)
        self.children = children


class Children:
    """The selected child streams of a stream, from their schemas to their counts."""

    def __init__(self) -> None:
        """Start without child streams; `begin` opens them."""
        self._open: dict[str, tuple[SdkStream, Counter]] = {}  # by name

    def __len__(self) -> int:
        """Return how many child streams are written."""
        return len(self._open)

    def begin(self, children: Iterable[SdkStream]) -> None:
        """Write the schemas of child streams, before their first rows."""
        for child in children:
            if child.name not in self._open:
                self._open[child.name] = (child, child.begin_output())

    def has(self, name: str) -> bool:
        """Return whether rows of a child stream are written."""
        return name in self._open

    def streams(self) -> list[SdkStream]:
        """Return the child streams that are written."""
        return [child for child, _ in self._open.values()]

    def write(self, name: str, row: Record) -> None:
        """Write a row of a child stream, if that stream is selected."""
        if name in self._open:
            child, counter = self._open[name]
            child.write_row(row)
            counter.increment()

    def write_all(self, row: Row) -> None:
        """Write the child rows of a row."""
        for name, rows in row.children.items():
            for child_row in rows:
                self.write(name, child_row)

    def end(self) -> None:
        """Log how many rows the child streams got."""
        while self._open:
            _, (_, counter) = self._open.popitem()
            counter.exit()
