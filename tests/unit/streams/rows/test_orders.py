from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tap_emag.streams.orders.rows import order_rows
from tests.unit.streams.rows.payloads import ACCOUNT, ACCOUNT_OF_ROW, CLOCK, order

if TYPE_CHECKING:
    from tap_emag.streams.orders.rows import OrderRows

MODIFIED = "2026-07-05T06:41:07+00:00"
CHILD_OF_ORDER = {
    **ACCOUNT_OF_ROW,
    "order_type": 3,
    "order_id": 3200000077,
    "order_modified": MODIFIED,
}


def rows(order_type: int = 3, **changes: object) -> OrderRows:
    return order_rows({**order(), **changes}, ACCOUNT, CLOCK, order_type)


def line_rows(**changes: object) -> OrderRows:
    raw = order()
    raw["products"][0].update(changes)
    return order_rows(raw, ACCOUNT, CLOCK, 3)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_an_order_field_by_field() -> None:
    raw = order()
    assert order_rows(raw, ACCOUNT, CLOCK, 3).order == {
        **ACCOUNT_OF_ROW,
        "type": 3,
        "id": 3200000077,
        "vendor_name": "Shop Test",
        "parent_id": None,
        "date": "2026-03-02T09:19:26+00:00",
        "created": "2026-03-02T09:19:30+00:00",
        "modified": MODIFIED,
        "status": 4,
        "is_complete": True,
        "payment_mode": "RAMBURS",
        "payment_mode_id": 1,
        "detailed_payment_method": "RAMBURS",
        "delivery_payment_mode": "cash",
        "delivery_mode": "pickup",
        "payment_status": 0,
        "cashed_co": None,
        "cashed_cod": Decimal(0),
        "shipping_tax": Decimal("14.99"),
        "customer": raw["customer"],
        "customer_id": 70000077,
        "proforms": [],
        "details": raw["details"],
        "observation": "la interfon",
        "is_storno": True,
        "reason_cancellation_id": None,
        "reason_cancellation_name": None,
        "cancellation_request": None,
        "has_editable_products": False,
        "refunded_amount": Decimal(0),
        "refund_status": None,
        "maximum_date_for_shipment": "2026-03-04T09:19:27+00:00",
        "finalization_date": "2026-03-04T08:58:53+00:00",
        "late_shipment": False,
        "flags": [{"flag": "demo", "value": "1"}],
        "emag_club": True,
        "weekend_delivery": False,
        "enforced_vendor_courier_accounts": [10001, 10002],
        "currency": "RON",
        "extra": None,
    }


def test_its_lines_field_by_field() -> None:
    first, second = rows().lines
    assert first == {
        **CHILD_OF_ORDER,
        "id": 90000077,
        "product_id": 1001,
        "mkt_id": 60000077,
        "name": "Produs A",
        "part_number": "TEST-A",
        "ext_part_number": "TEST-AX",
        "part_number_key": "DTEST0BBM",
        "status": 1,
        "quantity": 1,
        "initial_qty": 2,
        "storno_qty": 1,
        "sale_price": Decimal("100.0000"),
        "original_price": Decimal("120.0000"),
        "currency": "RON",
        "vat": Decimal("0.2100"),
        "retained_amount": Decimal(0),
        "reversible_vat_charging": False,
        "created": "2026-03-02T09:19:26+00:00",
        "modified": "2026-03-05T07:41:07+00:00",
        "details": [],
        "recycle_warranties": [
            {
                "quantity": 2,
                "sale_price": Decimal("0.5"),
                "vat_rate": 0,
                "product_name": "Taxa SGR sticla",
            },
            {
                "quantity": 1,
                "sale_price": Decimal("0.5"),
                "vat_rate": 0,
                "product_name": "Taxa SGR plastic",
            },
        ],
        "serial_numbers": "SN1,SN2",
        "campaign_id": 12,
        "campaign_name": "Primavara",
        "extra": None,
    }
    assert (second["id"], second["quantity"], second["details"]) == (90000078, 0, "fara ambalaj")


def test_its_voucher_splits_field_by_field() -> None:
    splits = {(row["level"], row["position"]): row for row in rows().voucher_splits}
    assert splits["line", 1] == {
        **CHILD_OF_ORDER,
        "level": "line",
        "order_line_id": 90000077,
        "warranty_position": 0,
        "position": 1,
        "voucher_id": 501,
        "value": Decimal("-8.2645"),
        "vat_value": Decimal("-1.7355"),
        "vat": Decimal("0.2100"),
        "offered_by": "seller",
        "voucher_name": "Voucher test",
        "extra": None,
    }
    assert splits["line", 2]["offered_by"] == "eMAG"
    shipping = splits["shipping", 1]
    assert (shipping["order_line_id"], shipping["value"]) == (0, Decimal(-1))
    deposit = splits["recycle_warranty", 1]
    assert (deposit["order_line_id"], deposit["warranty_position"]) == (90000077, 2)
    assert deposit["value"] == Decimal("-0.5")
    assert len(splits) == 4


def test_its_vouchers_field_by_field() -> None:
    assert rows().vouchers == [
        {
            **CHILD_OF_ORDER,
            "voucher_id": 501,
            "position": 1,
            "id": 40077,
            "voucher_name": "Voucher test",
            "status": 1,
            "sale_price": Decimal("-13.3967"),
            "sale_price_vat": Decimal("-2.8133"),
            "vat": Decimal("0.2100"),
            "created": "2026-03-02T09:19:26+00:00",
            "modified": "2026-03-02T09:19:26+00:00",
            "issue_date": "2026-02-20",
            "extra": None,
        }
    ]


def test_its_documents_field_by_field() -> None:
    warranty, invoice = rows().attachments
    assert invoice == {
        **CHILD_OF_ORDER,
        "order_line_id": 0,
        "url_hash": sha256("https://files.example.invalid/F1.pdf"),
        "position": 1,
        "name": "F1.pdf",
        "url": "https://files.example.invalid/F1.pdf",
        "type": 1,
        "force_download": False,
        "visibility": "public",
        "order_product_id": None,
        "extra": None,
    }
    assert (warranty["order_line_id"], warranty["order_product_id"]) == (90000077, 90000077)
    assert warranty["extra"] is None, "order_id and order_type of the wire say nothing new"


def test_an_order_without_type_has_the_type_asked_for() -> None:
    raw = order()
    del raw["type"]
    found = order_rows(raw, ACCOUNT, CLOCK, 2)
    assert found.order["type"] == 2
    assert found.lines[0]["order_type"] == 2
    assert rows(type="x", order_type=2).order["extra"] == {"type": "x"}
    assert rows(type="3", order_type=2).order["type"] == 3


def test_an_order_without_number_has_one_that_no_other_order_has() -> None:
    numbers = [rows(id=wire).order["id"] for wire in ("A1", "A2", None, {"a": 1}, True, 2**64)]
    assert len(set(numbers)) == len(numbers)
    assert all(-(2**63) <= number < 0 for number in numbers)
    again = rows(id="A1", status=5).order
    assert again["id"] == numbers[0], "the same through every change of the order"
    assert again["extra"] == {"id": "A1"}


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ({"id": 24, "name": "La cerere"}, (24, "La cerere", None)),
        ({"id": None, "name": "La cerere"}, (None, "La cerere", None)),
        ([{"id": "24"}], (24, None, None)),
        (24, (24, None, None)),
        ("24", (24, None, None)),
        (None, (None, None, None)),
        ([], (None, None, None)),
        ("", (None, None, None)),
        ({"id": 1, "by": "x"}, (1, None, {"reason_cancellation": {"by": "x"}})),
        ("client", (None, None, {"reason_cancellation": "client"})),
    ],
)
def test_the_reason_of_a_cancellation(wire: object, reason: tuple[object, ...]) -> None:
    found = rows(reason_cancellation=wire).order
    names = ("reason_cancellation_id", "reason_cancellation_name", "extra")
    assert tuple(found[name] for name in names) == reason


def test_the_old_key_of_the_reason_is_read_and_a_contradiction_kept() -> None:
    assert rows(cancellation_reason=19).order["reason_cancellation_id"] == 19
    both = rows(reason_cancellation={"id": 2}, cancellation_reason=19).order
    assert both["reason_cancellation_id"] == 2
    assert both["extra"] == {"cancellation_reason": 19}


@pytest.mark.parametrize("wire", [None, [], [7], ["7"]])
def test_no_couriers_differs_from_any_courier(wire: object) -> None:
    column = rows(enforced_vendor_courier_accounts=wire).order["enforced_vendor_courier_accounts"]
    assert column == ([7] if wire else wire)


def test_empty_php_arrays_are_null_objects() -> None:
    found = rows(details=[], customer=[]).order
    assert (found["details"], found["customer"], found["customer_id"]) == (None, None, None)
    assert found["extra"] is None


def test_a_line_without_a_usable_id_is_known_by_its_place() -> None:
    ids: list[object] = [None, "x", 5, 5, 0, -1, "5"]
    raw = order()
    raw["products"] = [{"id": wire, "name": "x"} for wire in ids]
    found = order_rows(raw, ACCOUNT, CLOCK, 3).lines
    assert [row["id"] for row in found] == [-1, -2, 5, -4, -5, -6, -7]
    extras = [row["extra"] for row in found]
    assert extras == [None, {"id": "x"}, None, {"id": 5}, {"id": 0}, {"id": -1}, {"id": "5"}]


def test_a_voucher_is_named_by_what_the_api_gives() -> None:
    vouchers = [
        {"voucher_id": 7, "id": 1},
        {"voucher_id": "7", "id": 2},
        {"voucher_id": None, "id": "9"},
        {"voucher_id": "ABC"},
        {},
    ]
    found = rows(vouchers=vouchers).vouchers
    assert [(row["voucher_id"], row["position"]) for row in found] == [
        *((7, 1), (7, 2), (9, 1)),
        *((0, 1), (0, 2)),
    ]
    assert found[3]["extra"] == {"voucher_id": "ABC"}


def test_a_bare_voucher_is_a_list_of_one() -> None:
    assert [row["voucher_id"] for row in rows(vouchers={"voucher_id": 7}).vouchers] == [7]


def test_lists_with_holes_arrive_as_objects() -> None:
    lines = order()["products"]
    found = rows(products={"0": lines[0], "4": lines[1]})
    assert [row["id"] for row in found.lines] == [90000077, 90000078]
    split = {"3": {"voucher_id": 1}, "9": {"voucher_id": 2}}
    levels = [row["voucher_id"] for row in rows(shipping_tax_voucher_split=split).voucher_splits]
    assert levels[-2:] == [1, 2]
    deposits = {"1": {"quantity": 1, "recycle_warranty_voucher_split": {"voucher_id": 3}}}
    found = line_rows(recycle_warranties=deposits)
    assert found.lines[0]["recycle_warranties"] == [{"quantity": 1}]
    assert found.voucher_splits[0]["warranty_position"] == 1


def test_what_is_no_object_in_a_list_stays_with_the_parent() -> None:
    found = rows(products=["x", None, {"id": 5}, 7], vouchers="none", attachments=False)
    assert [row["id"] for row in found.lines] == [5]
    assert found.order["extra"] == {"products": ["x", 7], "vouchers": "none", "attachments": False}
    found = line_rows(product_voucher_split=["x"], attachments=3)
    assert found.lines[0]["extra"] == {"product_voucher_split": ["x"], "attachments": 3}
    deposits = [{"quantity": 1, "recycle_warranty_voucher_split": ["x", {"voucher_id": 3}]}, "y"]
    line = line_rows(recycle_warranties=deposits).lines[0]
    bare = {"quantity": 1, "recycle_warranty_voucher_split": ["x"]}
    assert line["recycle_warranties"] == [bare, "y"]
    assert line_rows(recycle_warranties="x").lines[0]["extra"] == {"recycle_warranties": "x"}


def test_documents_of_the_same_url_are_all_kept() -> None:
    files = [{"url": "u"}, {"url": "u"}, {"url": ""}, {"name": "n"}, {"url": ["u"]}]
    found = [row for row in rows(attachments=files).attachments if row["order_line_id"] == 0]
    assert [(row["url_hash"], row["position"]) for row in found] == [
        *((sha256("u"), 1), (sha256("u"), 2)),
        *((sha256(""), 1), (sha256(""), 2), (sha256(""), 3)),
    ]
    assert found[-1]["extra"] == {"url": ["u"]}


def test_a_document_of_another_order_says_so_in_extra() -> None:
    found = rows(attachments=[{"url": "u", "order_id": 5, "order_type": "2"}]).attachments[-1]
    assert (found["order_id"], found["order_type"]) == (3200000077, 3)
    assert found["extra"] == {"order_id": 5, "order_type": "2"}


def test_unknown_keys_and_misfits_are_kept_and_reported_by_name() -> None:
    raw = order()
    raw.update(brand_new={"a\0": 1}, status="open", extra="mine", nothing_new=None)
    raw["products"][0].update(campaign={"id": 1, "color": "red", "name": []}, vat="a fifth")
    raw["vouchers"].append("x")
    reported = []
    found = order_rows(raw, ACCOUNT, CLOCK, 3, lambda *what: reported.append(what))
    assert found.order["extra"] == {
        "vouchers": ["x"],
        "status": "open",
        "brand_new": {"a": 1},
        "extra": "mine",
    }
    assert found.order["status"] is None
    assert found.lines[0]["extra"] == {"campaign": {"color": "red", "name": []}, "vat": "a fifth"}
    assert sorted(reported) == [
        ("order_lines", "invalid", "campaign.name"),
        ("order_lines", "invalid", "vat"),
        ("order_lines", "unknown", "campaign.color"),
        ("orders", "invalid", "status"),
        ("orders", "invalid", "vouchers"),
        ("orders", "unknown", "brand_new"),
        ("orders", "unknown", "extra"),
        ("orders", "unknown", "nothing_new"),
    ]
