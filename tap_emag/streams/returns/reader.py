"""Reads returns of both types, each once: by opening date, by open state, by id.

eMAG does not document what `rma/read` returns without the filter `type`: both types, or type 3
alone as `order/read` does. So returns are first read without it. Then the reader asks for a type
that no such reply contained. If its returns come only that way, all of that type are read as well.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tap_emag.errors import ContractError
from tap_emag.readers import Scan, TimeField
from tap_emag.readers.calendar import text_of
from tap_emag.readers.window_reader import type_of
from tap_emag.schema.keys import key_or_none

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from tap_emag.api.client import Client
    from tap_emag.readers import ConcurrentRequests, ProvenWindow, WindowReader

TIME_FIELD = TimeField("rma", "emag_id", "date", "date_start", "date_end")
OPEN = (1, 2, 3, 6)  # incomplete, new, acknowledged, received; the others are final
TYPES = (3, 2)  # sold by the seller, fulfilled by eMAG
logger = logging.getLogger("tap-emag")

Row = dict[str, Any]


class ReturnReader:
    """One reading of all returns; use it once."""

    def __init__(
        self,
        client: Client,
        requests: ConcurrentRequests,
        windows: WindowReader,
        sealed: Callable[[ProvenWindow], None],
    ) -> None:
        """Read with these; `sealed` is called after each window's rows."""
        self.read_ids: set[int] = set()
        self._client = client
        self._requests = requests
        self._windows = windows
        self._sealed = sealed
        self._types: set[int] = set()  # in the replies to requests without a type
        self._filters: list[dict[str, int]] = [{}]  # that bring all returns, one after the other

    def read(self, after: int, end: int | None, wanted: Collection[int]) -> Iterator[Row]:
        """Yield each return once: those opened in a range, those in an open state, those wanted.

        Args:
            after: Local second after which the range begins, a cut of the calendar.
            end: Local second at which it ends, a cut; None means the present.
            wanted: The ids to ask for one by one, unless the other requests return them.

        Raises:
            EmagError: What the client raises, or that nothing can be proven complete.
        """
        yield from self._once(self._all(after, end, {}))
        for kind in self._hidden():
            self._filters.append({"type": kind})
            yield from self._once(self._all(after, end, {"type": kind}))
        # The tap made up negative numbers, see `key_of`: eMAG does not know them.
        missing = sorted(key for key in wanted if key > 0 and key not in self.read_ids)
        for _, rows in self._requests.map(self._one, missing):
            yield from self._once(rows)

    def _once(self, rows: Iterator[Row] | list[Row]) -> Iterator[Row]:
        for raw in rows:
            key = return_id(raw)
            if key is None:
                yield raw
            elif key not in self.read_ids:
                self.read_ids.add(key)
                yield raw

    def _all(self, after: int, end: int | None, filters: Mapping[str, int]) -> Iterator[Row]:
        """Read the range and the open states with one filter for the type, or without."""
        for sealed in self._windows.start(after, end, filters):
            yield from self._noted(sealed.rows, filters)
            self._sealed(sealed)
        if not self.read_ids and not self._requests.call(self._first, filters):
            return  # there are no returns at all, so none in any state
        for status in OPEN:
            asked = {**filters, "request_status": status}
            size = self._windows.count_reliability.pages
            scan = Scan(
                *(self._client, self._requests, "rma", return_id, asked), short=True, size=size
            )
            for page in scan.read():
                yield from self._noted(page.rows, filters)

    def _noted(self, rows: list[Row], filters: Mapping[str, int]) -> list[Row]:
        if not filters:
            self._types.update(kind for kind in map(type_of, rows) if kind is not None)
        return rows

    def _hidden(self) -> list[int]:
        """Return the types of returns that come only when they are asked for."""
        hidden = []
        for kind in TYPES:
            if kind in self._types:
                continue
            try:
                rows = self._requests.call(self._first, {"type": kind})
            except ContractError as error:
                logger.info("rma/read refuses the filter `type`, so it is read without: %s", error)
                return []
            others = {type_of(row) for row in rows} - {kind, None}
            if others:
                logger.info("rma/read ignores the filter `type`, so it is read without")
                return []
            if rows and not self._comes_without_type(rows):
                logger.info("returns of type %d come only when they are asked for", kind)
                hidden.append(kind)
        return hidden

    def _comes_without_type(self, rows: list[Row]) -> bool:
        """Return whether a request without `type` returns one of these rows."""
        if any(return_id(row) in self.read_ids for row in rows):
            return True
        for row in rows:
            key, second = return_id(row), TIME_FIELD.second(row)
            if key is not None and second is not None:
                bounds = {
                    TIME_FIELD.after: text_of(second - 1),
                    TIME_FIELD.before: text_of(second + 1),
                }
                found = self._requests.call(self._first, bounds)
                return any(return_id(one) == key for one in found)
        return False

    def _first(self, filters: Mapping[str, Any]) -> list[Row]:
        return self._client.read("rma", 1, filters).rows

    def _one(self, key: int) -> list[Row]:
        """Return a return by its id; nothing if eMAG does not know it under any type.

        Raises:
            ContractError: Other returns came.
        """
        for filters in self._filters:
            rows = self._first({"emag_id": key, **filters})
            if rows and not any(return_id(row) == key for row in rows):
                raise ContractError(
                    f"rma/read: asked for return {key}, got others: the filter was ignored"
                )
            if rows:
                return rows
        return []


def return_id(raw: Row) -> int | None:
    """Return the id of a return, None where the row has none."""
    return key_or_none(raw, "emag_id")
