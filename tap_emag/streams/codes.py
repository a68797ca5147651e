"""Code lists as small tables: what the numbers in other tables mean. They cost no request."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from tap_emag.streams.lists import Item, ListStream
from tap_emag.tables.codes import CODE_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.tables.codes import CodeTable


class CodeList(ListStream):
    """One code list; written when it differs from what was written."""

    codes: ClassVar[CodeTable]

    def time_to_live(self) -> timedelta:
        """Look at it each time: nothing is asked for it."""
        return timedelta(0)

    def items(self, bookmark: dict[str, Any]) -> Iterator[Item]:  # noqa: ARG002
        """Give the codes."""
        for row in self.codes.rows(self._tap.account):
            yield Item(row["code"], row)


def _stream(codes: CodeTable) -> type[CodeList]:
    name = "".join(part.capitalize() for part in codes.table.name.split("_"))
    return type(name, (CodeList,), {"table": codes.table, "codes": codes})


CODE_LISTS = tuple(_stream(codes) for codes in CODE_TABLES)
