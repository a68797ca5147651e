from __future__ import annotations

import locale
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tap_emag.streams.returns.rows import reservation_ids, return_rows
from tests.unit.streams.rows.more_payloads import return_
from tests.unit.streams.rows.payloads import ACCOUNT, ACCOUNT_OF_ROW, CLOCK

if TYPE_CHECKING:
    from tap_emag.streams.returns.rows import ReturnRows

CHILD_OF_RETURN = {**ACCOUNT_OF_ROW, "return_emag_id": 4300077, "fingerprint": "f1"}
NO_EVENT = dict.fromkeys(
    (
        *("date", "code", "amount", "currency", "refund_type", "refund_status", "status_date"),
        *("rma_id", "id", "user_name", "action", "action_type", "source", "extra"),
    )
)


def rows(**changes: object) -> ReturnRows:
    return return_rows({**return_(), **changes}, ACCOUNT, CLOCK, fingerprint="f1")


def test_a_return_field_by_field() -> None:
    assert rows().return_row == {
        **ACCOUNT_OF_ROW,
        "emag_id": 4300077,
        "fingerprint": "f1",
        "id": None,
        "vendor_id": None,
        "order_id": 3200000077,
        "type": 3,
        "return_parent_id": None,
        "date": "2026-03-08T15:03:44+00:00",
        "request_status": 6,
        "request_status_reason": None,
        "return_type": 3,
        "return_reason": 44,
        "observations": "Prea mic",
        "is_full_fbe": False,
        "is_club": True,
        "is_fast": False,
        "finalized_with_incident": None,
        "invoice_number": None,
        "customer_name": "Client Test",
        "customer_company": None,
        "customer_phone": "0700000077",
        "customer_email": None,
        "customer_account_iban": "RO00TEST77",
        "customer_account_bank": None,
        "customer_account_beneficiary": None,
        "country": "RO",
        "pickup_method": 1,
        "pickup_date": None,
        "pickup_at": None,
        "pickup_country": "Romania",
        "pickup_suburb": "Judet Test",
        "pickup_city": "Oras Test",
        "pickup_address": "Strada Exemplu 7",
        "pickup_zipcode": None,
        "pickup_locality_id": 9000001,
        "pickup_address_id": None,
        "address_type": "pickup",
        "locker": None,
        "courier_name": "Curier Test",
        "awbs": [{"reservation_id": 4500077}, {"reservation_id": "4500078"}],
        "return_address_id": 20001,
        "return_address_snapshot": "Strada Exemplu 9",
        "maximum_finalization_date": "2026-03-20",
        "first_pickup_date": "2026-03-10",
        "estimated_product_pickup": "2026-03-11",
        "estimated_product_reception": None,
        "replacement_product_emag_id": None,
        "replacement_product_id": 0,
        "replacement_product_name": None,
        "replacement_product_quantity": 0,
        "swap": None,
        "return_tax_value": Decimal("9.9900"),
        "currency": "RON",
        "extra": None,
    }


def test_its_lines_field_by_field() -> None:
    first, second = rows().lines
    assert first == {
        **CHILD_OF_RETURN,
        "id": 1050077,
        "product_emag_id": 60000077,
        "product_id": 1001,
        "product_name": "Produs A",
        "quantity": 1,
        "return_reason": 44,
        "observations": "",
        "diagnostic": None,
        "reject_reason": None,
        "retained_amount": Decimal(0),
        "refund_value": None,
        "extra": None,
    }
    assert (second["product_id"], second["quantity"], second["reject_reason"]) == (1002, 2, 3)
    assert (second["retained_amount"], second["refund_value"]) == (Decimal("5.50"), Decimal(20))


def test_its_events_field_by_field() -> None:
    assert rows().events == [
        {
            **CHILD_OF_RETURN,
            **NO_EVENT,
            "kind": "status",
            "parent_position": 0,
            "position": 1,
            "date": "2026-03-08T15:03:44+00:00",
            "code": "new",
        },
        {
            **CHILD_OF_RETURN,
            **NO_EVENT,
            "kind": "status",
            "parent_position": 0,
            "position": 2,
            "date": "2026-03-12T07:00:00+00:00",
            "code": "received",
        },
        {
            **CHILD_OF_RETURN,
            **NO_EVENT,
            "kind": "request",
            "parent_position": 2,
            "position": 1,
            "date": "2026-03-12T08:00:00+00:00",
            "amount": Decimal("121.0000"),
            "currency": "RON",
            "refund_type": "card",
            "refund_status": "started",
            "status_date": "2026-07-12T07:00:01+00:00",
            "rma_id": 4300077,
        },
        {
            **CHILD_OF_RETURN,
            **NO_EVENT,
            "kind": "action",
            "parent_position": 0,
            "position": 1,
            "date": "2026-03-09T08:00:00+00:00",
            "id": 5000000000,
            "user_name": "demo",
            "action": "approve",
            "action_type": "status",
            "source": "web",
        },
    ]


@pytest.mark.parametrize(
    ("wire", "utc"),
    [
        ("3 Feb 2025, 14:05", "2025-02-03T12:05:00+00:00"),
        ("03 Feb 2025, 14:05", "2025-02-03T12:05:00+00:00"),
        ("3 February 2025, 14:05:09", "2025-02-03T12:05:09+00:00"),
        ("3 jul 2025 9:05", "2025-07-03T06:05:00+00:00"),
        ("30 Sept 2025, 00:00", "2025-09-29T21:00:00+00:00"),
        ("26 Oct 2025, 03:30", "2025-10-26T00:30:00+00:00"),
        ("2025-02-03 14:05:00", "2025-02-03T12:05:00+00:00"),
        ("31 Feb 2025, 14:05", None),
        ("3 Febr 2025, 25:05", None),
        ("3 Feb 2025", None),
        ("3 Mai 2025, 14:05", None),
        ("3 Maybe 2025, 14:05", None),
        ("3 Feb 10000, 14:05", None),
        ("0 Feb 2025, 14:05", None),
    ],
)
def test_the_times_of_what_was_done(wire: str, utc: str | None) -> None:
    action = rows(request_history=[{"date": wire}]).events[-1]
    assert action["date"] == utc
    assert action["extra"] == (None if utc else {"date": wire})


def test_months_are_english_whatever_the_machine_speaks() -> None:
    before = locale.setlocale(locale.LC_TIME)
    try:
        for name in ("ro_RO.UTF-8", "de_DE.UTF-8", "C"):
            try:
                locale.setlocale(locale.LC_TIME, name)
            except locale.Error:
                continue
            action = rows(request_history=[{"date": "3 Mar 2025, 14:05"}]).events[-1]
            assert action["date"] == "2025-03-03T12:05:00+00:00"
    finally:
        locale.setlocale(locale.LC_TIME, before)


@pytest.mark.parametrize(
    ("wire", "locker"),
    [
        ([], None),
        (None, None),
        ({"locker_pin": "1"}, {"locker_pin": "1"}),
        ([{"locker_pin": "1"}], {"locker_pin": "1"}),
    ],
)
def test_a_locker_is_an_object_or_nothing(wire: object, locker: object) -> None:
    found = rows(locker=wire).return_row
    assert (found["locker"], found["extra"]) == (locker, None)


@pytest.mark.parametrize("wire", [[], None, "", {}])
def test_a_return_without_further_dates(wire: object) -> None:
    found = rows(extra_info=wire).return_row
    assert (found["first_pickup_date"], found["extra"]) == (None, None)


def test_further_dates_that_are_new_or_none_are_kept() -> None:
    found = rows(extra_info={"first_pickup_date": "soon", "new_date": "2026-01-01"}).return_row
    assert found["extra"] == {"extra_info": {"first_pickup_date": "soon", "new_date": "2026-01-01"}}


@pytest.mark.parametrize(
    ("wire", "day", "time", "extra"),
    [
        ("2017-04-10", "2017-04-10", None, None),
        ("2026-04-10 00:30:00", "2026-04-10", "2026-04-09T21:30:00+00:00", None),
        ("2026-04-10 00:00:00", "2026-04-10", "2026-04-09T21:00:00+00:00", None),
        (1_775_770_200, None, "2026-04-09T21:30:00+00:00", None),
        ("0000-00-00", None, None, None),
        ("", None, None, None),
        (None, None, None, None),
        ("soon", None, None, {"pickup_date": "soon"}),
    ],
)
def test_a_pickup_is_on_a_day_or_at_a_time(
    wire: object, day: str | None, time: str | None, extra: object
) -> None:
    found = rows(pickup_date=wire).return_row
    assert (found["pickup_date"], found["pickup_at"], found["extra"]) == (day, time, extra)


@pytest.mark.parametrize(
    ("awbs", "ids"),
    [
        ([{"reservation_id": 5}, {"reservation_id": "6"}, {"reservation_id": 5}], [5, 6]),
        ({"reservation_id": 5}, [5]),
        ({"0": {"reservation_id": 5}, "3": {"reservation_id": 6}}, [5, 6]),
        ([5, "6"], [5, 6]),
        ([None, "x", {}, {"reservation_id": None}, {"reservation_id": 0}, True, [7]], []),
        (None, []),
        ("", []),
        (5, [5]),
    ],
)
def test_the_reservations_of_a_return(awbs: object, ids: list[int]) -> None:
    assert reservation_ids({"awbs": awbs}) == ids
    assert reservation_ids({}) == []


def test_a_line_without_a_usable_id_is_known_by_its_place() -> None:
    found = rows(products=[{"id": "x"}, {"id": 5}, {"id": "5"}, {}]).lines
    assert [row["id"] for row in found] == [-1, 5, -3, -4]
    assert [row["extra"] for row in found] == [{"id": "x"}, None, {"id": "5"}, None]


def test_a_return_without_number_has_one_that_no_other_return_has() -> None:
    numbers = [rows(emag_id=wire).return_row["emag_id"] for wire in ("A1", "A2", None, {"a": 1})]
    assert len(set(numbers)) == len(numbers)
    assert all(number < 0 for number in numbers)
    found = rows(emag_id="A1")
    assert found.return_row["extra"] == {"emag_id": "A1"}
    assert {row["return_emag_id"] for row in found.lines + found.events} == {numbers[0]}


def test_what_is_no_object_in_a_history_stays_with_its_parent() -> None:
    status = {"code": "new", "requests": ["x", {"amount": 1}]}
    found = rows(status_history=[status, "y"], request_history="z", products=[7])
    assert found.return_row["extra"] == {
        "status_history": ["y"],
        "request_history": "z",
        "products": [7],
    }
    new, request = found.events
    assert new["extra"] == {"requests": ["x"]}
    assert (request["parent_position"], request["position"]) == (1, 2)


def test_requests_where_none_are_known_are_kept_and_reported() -> None:
    reported = []
    raw = {**return_(), "request_history": [{"id": 1, "requests": [{"amount": 1}]}], "color": "red"}
    found = return_rows(raw, ACCOUNT, CLOCK, lambda *what: reported.append(what), fingerprint="f1")
    assert found.events[-1]["extra"] == {"requests": [{"amount": 1}]}
    assert sorted(reported) == [
        ("return_events", "unknown", "requests"),
        ("returns", "unknown", "color"),
    ]


def test_a_key_named_like_the_fingerprint_is_no_fingerprint() -> None:
    found = rows(fingerprint="theirs").return_row
    assert (found["fingerprint"], found["extra"]) == ("f1", {"fingerprint": "theirs"})
