"""The AWBs of returns, which travel while their returns wait for them."""
# ruff: noqa: PLR2004 - shares and sizes of invented data need no names

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.shop.calm import calm
from emag_sandbox.shop.localtime import DAY
from emag_sandbox.shop.return_life import APPROVED, CANCELLED, RECEIVED, reached
from emag_sandbox.shop.return_rows import AWBS_A_RETURN, FIRST_RESERVATION, reservations
from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emag_sandbox.marketplaces import Marketplace
    from emag_sandbox.shop.returns import ReturnBook

FIRST_ID: Final = 970_000_000
FIRST_PARCEL: Final = 980_000_000
PARCELS: Final = 4
# From which part of the way on: code, name, description.
STAGES: Final = (
    (1.0, "DLV", "Livrat", "Colet predat destinatarului"),
    (0.35, "TRN", "În tranzit", "Colet pe drum"),
    (0.15, "PCK", "Preluat", "Colet ridicat de la client"),
    (0.0, "NEW", "Emis", "AWB emis, în așteptarea curierului"),
)
STOPPED: Final = ("CNC", "Anulat", "AWB anulat")


class AwbBook:
    """All AWBs, by reservation id. They follow from the returns and the clock."""

    def __init__(self, seed: int, returns: ReturnBook, market: Marketplace) -> None:
        """Derive the AWBs of all returns."""
        self._seed, self._returns, self._market = seed, returns, market

    def reservation(self, emag_id: int) -> int:
        """The reservation id that belongs to an emag_id."""
        return emag_id - FIRST_ID + FIRST_RESERVATION

    def reservations(self, now: int) -> Iterator[int]:
        """The reservation id of every AWB there is at an instant."""
        for number in self._returns.numbers():
            events = reached(self._returns.events(number), now)
            yield from reservations(self._returns.luck(number), number, events)

    def luck(self, reservation_id: int) -> int:
        """The draw that an AWB's features come from."""
        return mix(self._seed, 121, reservation_id)

    def foreign(self, reservation_id: int, share: float) -> bool:
        """Whether an AWB was issued in another country, given how many are."""
        return self.luck(reservation_id) >> 32 & 0xFFFF < share * 0x1_0000

    def row(self, reservation_id: int, now: int) -> dict[str, Any]:
        """An AWB in full, as it is at an instant.

        Raises:
            KeyError: when there is no such AWB, or not yet.
        """
        place = reservation_id - FIRST_RESERVATION
        number = place // AWBS_A_RETURN
        if number not in self._returns.numbers() or reservation_id not in reservations(
            self._returns.luck(number), number, reached(self._returns.events(number), now)
        ):
            raise KeyError(reservation_id)
        luck, (kind, order_id) = self.luck(reservation_id), self._returns.order(number)
        code, name, description = self._stage(number, now)
        currency = self._returns.currency(number)
        return {
            "emag_id": FIRST_ID + place,
            "order_id": order_id,
            "rma_id": self._returns.id(number),
            "type": kind,
            "weight": 1 + luck % 5,
            # The second shipment of a return brings the customer another piece.
            "awb_type": 1 if place % AWBS_A_RETURN else 2,
            "currency": currency,
            "cash_on_delivery": self._market.price(Decimal(luck % 4 * 4999) / 100, currency),
            "awb": [
                _parcel(place, parcel) for parcel in range(1 + luck % 3 if luck >> 8 & 7 < 2 else 1)
            ],
            "status": {"code": code, "name": name, "description": description},
            "courier": {
                "courier_account_id": 10_001 + luck % 2,
                "courier_id": 1 + luck % 2,
                "courier_name": "DemoCourier",
            },
        }

    def _stage(self, number: int, now: int) -> tuple[str, str, str]:
        times = {event.status: event.instant for event in self._returns.events(number)}
        if times.get(CANCELLED, now + 1) <= now:
            return STOPPED
        if times.get(RECEIVED, now + 1) <= now:
            return STAGES[0][1:]
        if calm(now, self._returns.start):
            now = self._returns.start
        start = times[APPROVED]
        end = times.get(RECEIVED, start + 5 * DAY)
        way = max(0.0, (now - start) / (end - start))
        return next(stage[1:] for stage in STAGES if way >= stage[0])


def _parcel(place: int, parcel: int) -> dict[str, Any]:
    number = place * PARCELS + parcel
    return {
        "emag_id": FIRST_PARCEL + number,
        "awb_number": f"0DEMO{place:08}",
        "awb_barcode": f"0DEMO{place:08}{parcel + 1:03}",
    }
