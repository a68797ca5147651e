"""The world's returns and AWBs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emag_sandbox.shop.expected import exact

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.shop.awbs import AwbBook
    from emag_sandbox.shop.orders import Key, OrderBook
    from emag_sandbox.shop.returns import ReturnBook


class HasReturns:
    """The part of the world that knows returns. A return is named by its `emag_id`."""

    lock: threading.RLock
    config: SandboxConfig
    order_book: OrderBook
    return_book: ReturnBook
    awb_book: AwbBook

    def now(self) -> int:
        """The clock's instant, in integer seconds."""
        raise NotImplementedError

    def return_(self, emag_id: int) -> dict[str, Any]:
        """A return in full.

        Raises:
            KeyError: when there is no such return.
        """
        with self.lock:
            return exact(self.return_book.row(self.return_book.number(emag_id), self.now()))

    def return_ids(self) -> list[int]:
        """The emag_id of every return, oldest first."""
        with self.lock:
            return [self.return_book.id(number) for number in self.return_book.numbers()]

    def open_return_ids(self) -> list[int]:
        """The emag_id of every return that has not come to an end, oldest first."""
        with self.lock:
            book = self.return_book
            return [book.id(number) for number in book.unfinished(self.now())]

    def returns(self) -> Iterator[dict[str, Any]]:
        """Every return in full."""
        for emag_id in self.return_ids():
            yield self.return_(emag_id)

    def awb(self, reservation_id: int) -> dict[str, Any]:
        """An AWB in full, also one of another country.

        Raises:
            KeyError: when there is no such AWB, or not yet.
        """
        with self.lock:
            return exact(self.awb_book.row(reservation_id, self.now()))

    def reservation_ids(self) -> list[int]:
        """The reservation id of every AWB there is."""
        with self.lock:
            return list(self.awb_book.reservations(self.now()))

    def foreign_awb(self, reservation_id: int) -> bool:
        """Whether an AWB was issued in another country, so that asking for it is answered 412."""
        return self.awb_book.foreign(reservation_id, self.config.foreign_awb_share)

    def touch_returns(
        self, count: int = 1, *, ids: Iterable[int] | None = None, at: datetime | None = None
    ) -> list[int]:
        """Let up to `count` open returns drawn at random, or those named, move on; their ids.

        An ended return that is named gets a remark instead, and counts as finalized with incident.
        """
        with self.lock:
            book, instant = self.return_book, self._instant(at)
            if ids is not None:
                return book.touch([book.number(each) for each in ids], instant)
            return book.touch(self._drawn(book.unfinished(instant), count), instant)

    def open_returns(
        self,
        count: int = 1,
        *,
        keys: Iterable[Key | int] | None = None,
        at: datetime | None = None,
    ) -> list[int]:
        """Open `count` returns of orders drawn at random, or one of each named; their ids."""
        with self.lock:
            book = self.order_book
            if keys is None:
                numbers = self._drawn(list(range(len(book.index))), count)
            else:
                numbers = [book.number(key) for key in keys]
            return self.return_book.open(numbers, self._instant(at))

    def close_returns(self, ids: Iterable[int], at: datetime | None = None) -> list[int]:
        """Take some returns to status 7 by the usual steps; their ids."""
        with self.lock:
            book = self.return_book
            return book.close([book.number(each) for each in ids], self._instant(at))

    def _drawn(self, numbers: list[int], count: int) -> list[int]:
        raise NotImplementedError

    def _instant(self, moment: datetime | None) -> int:
        raise NotImplementedError
