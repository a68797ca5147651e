from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tap_emag.schema.table import unreported
from tap_emag.streams.returns.shipment_rows import awb_rows
from tests.unit.streams.rows.more_payloads import awb
from tests.unit.streams.rows.payloads import ACCOUNT, ACCOUNT_OF_ROW, CLOCK

if TYPE_CHECKING:
    from tap_emag.streams.returns.shipment_rows import AwbRows


def rows(**changes: object) -> AwbRows:
    return awb_rows({**awb(), **changes}, ACCOUNT, 4500077, 4300077, unreported, CLOCK)


def test_a_shipment_and_its_parcels_field_by_field() -> None:
    found = rows()
    assert found.awb == {
        **ACCOUNT_OF_ROW,
        "emag_id": 9700077,
        "reservation_id": 4500077,
        "return_emag_id": 4300077,
        "order_id": 3200000077,
        "rma_id": 4300077,
        "type": 3,
        "awb_type": 2,
        "cash_on_delivery": Decimal("491.2000"),
        "currency": "RON",
        "weight": Decimal(1),
        "status_code": "DLV",
        "status_name": "Delivered",
        "status_description": "Livrat",
        "courier_account_id": 10001,
        "courier_id": 1,
        "courier_name": "Curier Test",
        "extra": None,
    }
    first, second = found.parcels
    assert first == {
        **ACCOUNT_OF_ROW,
        "awb_emag_id": 9700077,
        "emag_id": 9800077,
        "awb_number": "0TEST77",
        "awb_barcode": "0TEST77001",
        "extra": None,
    }
    assert (second["emag_id"], second["awb_barcode"]) == (9800078, "0TEST77002")


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        ([{"code": "DLV", "name": "Delivered"}], ("DLV", "Delivered", None, None)),
        ({"code": 4, "why": "x"}, ("4", None, None, {"status": {"why": "x"}})),
        ("DLV", ("DLV", None, None, None)),
        ([], (None, None, None, None)),
        (None, (None, None, None, None)),
        (
            [{"code": "A"}, {"code": "B"}],
            ("A", None, None, {"status": [{"code": "A"}, {"code": "B"}]}),
        ),
    ],
)
def test_the_state_of_a_shipment(wire: object, status: tuple[object, ...]) -> None:
    found = rows(status=wire).awb
    names = ("status_code", "status_name", "status_description", "extra")
    assert tuple(found[name] for name in names) == status


@pytest.mark.parametrize("wire", [[{"courier_id": "1"}], {"0": {"courier_id": 1}}])
def test_the_courier_of_a_shipment_in_a_list(wire: object) -> None:
    found = rows(courier=wire).awb
    assert (found["courier_id"], found["courier_name"], found["extra"]) == (1, None, None)


def test_a_shipment_without_id_has_that_of_its_reservation() -> None:
    found = rows(emag_id=None, status=None)
    assert found.awb["emag_id"] == -4500077, "the same in every state"
    assert {row["awb_emag_id"] for row in found.parcels} == {-4500077}
    assert rows(emag_id="x").awb["extra"] == {"emag_id": "x"}
    alone = awb_rows({"emag_id": "x"}, ACCOUNT, None, None, unreported, CLOCK).awb
    assert alone["emag_id"] < 0
    assert (alone["reservation_id"], alone["return_emag_id"]) == (None, None)


def test_a_shipment_of_another_reservation_says_so_in_extra() -> None:
    assert rows(reservation_id="4500077").awb["extra"] is None
    assert rows(reservation_id=5).awb["extra"] == {"reservation_id": 5}


def test_a_parcel_without_id_is_known_by_its_place() -> None:
    found = rows(awb=[{"awb_number": "1"}, {"emag_id": 5}, {"emag_id": 5}, "x"])
    assert [row["emag_id"] for row in found.parcels] == [-1, 5, -3]
    assert found.awb["extra"] == {"awb": ["x"]}
    assert [row["awb_number"] for row in rows(awb={"awb_number": "1"}).parcels] == ["1"]
