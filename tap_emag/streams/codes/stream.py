"""Fills the tables of eMAG's codes, without a request."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from tap_emag.singer_io import override
from tap_emag.streams.base import NO_REQUESTS
from tap_emag.streams.changed_lists import Item, ListStream
from tap_emag.streams.codes.table import CODE_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.streams.codes.table import CodeTable


class CodeList(ListStream):
    """One code list; written when it changes with a release of the tap."""

    bucket: ClassVar[str] = NO_REQUESTS
    codes: ClassVar[CodeTable]

    @property
    @override
    def plan(self) -> str | None:
        """None: all code lists share one line of the log."""
        return None

    def time_to_live(self) -> timedelta:
        """Compare it in each run: that takes no request."""
        return timedelta(0)

    def items(self, bookmark: dict[str, Any]) -> Iterator[Item]:  # noqa: ARG002
        """Yield the codes."""
        for row in self.codes.rows(self.run.account):
            yield Item(row["code"], row)


def _stream(codes: CodeTable) -> type[CodeList]:
    name = "".join(part.capitalize() for part in codes.table.name.split("_"))
    return type(name, (CodeList,), {"table": codes.table, "codes": codes})


CODE_LISTS = tuple(_stream(codes) for codes in CODE_TABLES)
