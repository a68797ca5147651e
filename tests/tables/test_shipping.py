from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tap_emag.tables.shipping import address_row, awb_rows, courier_account_row
from tap_emag.tables.table import unreported
from tests.tables.more_payloads import address, awb, courier_account
from tests.tables.payloads import ACCOUNT, ACCOUNT_OF_ROW, CLOCK

if TYPE_CHECKING:
    from tap_emag.tables.shipping import AwbRows


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


def test_a_courier_account_field_by_field() -> None:
    assert courier_account_row(courier_account(), ACCOUNT, CLOCK) == {
        **ACCOUNT_OF_ROW,
        "account_id": 10001,
        "account_display_name": "Demo",
        "courier_account_type": 3,
        "courier_name": "Curier Test",
        "courier_account_properties": [0, 2],
        "created": "2023-05-01T05:00:00+00:00",
        "status": True,
        "pickup_country_code": "RO",
        "extra": None,
    }


def test_a_courier_account_under_the_keys_of_one_client() -> None:
    raw = {"id": "10001", "currier_account_properties": [8]}
    found = courier_account_row(raw, ACCOUNT, CLOCK)
    assert (found["account_id"], found["courier_account_properties"]) == (10001, [8])
    assert found["extra"] is None
    both = courier_account_row({"id": 5, "account_id": 10001}, ACCOUNT, CLOCK)
    assert (both["account_id"], both["extra"]) == (10001, {"id": 5})


def test_an_address_field_by_field() -> None:
    assert address_row(address(), ACCOUNT, CLOCK) == {
        **ACCOUNT_OF_ROW,
        "address_id": "20001",
        "country_id": 1,
        "country_code": "RO",
        "address_type_id": 2,
        "locality_id": 9000001,
        "suburb": "Judet Test",
        "city": "Oras Test",
        "address": "Strada Exemplu 9",
        "zipcode": "000000",
        "quarter": "Centru",
        "floor": "",
        "is_default": True,
        "extra": None,
    }


def test_the_id_of_an_address_is_text_and_never_null() -> None:
    wires: list[object] = [20001, "00020001", None, "", " ", "x" * 300, ["a"], True]
    found = [address_row({"address_id": wire}, ACCOUNT, CLOCK) for wire in wires]
    ids = [row["address_id"] for row in found]
    assert ids[:2] == ["20001", "00020001"]
    assert all(made_up.startswith("unnamed-") for made_up in ids[2:])
    assert len({*ids[4:]}) == 4
    assert found[5]["extra"] == {"address_id": "x" * 300}
