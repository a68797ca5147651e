"""Orders and offers as the API sends them, made up, with the worst of its habits."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tap_emag.schema.column_types import Clock
from tap_emag.settings.account import Account

CLOCK = Clock(ZoneInfo("Europe/Bucharest"))
ACCOUNT = Account("emag_ro", "main")
ACCOUNT_OF_ROW = {"marketplace": "emag_ro", "account_type": "main"}


def wire(text: str) -> dict[str, Any]:
    """Read a reply the way it is read from the API: decimals exact, integers whole."""
    raw: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return raw


def order() -> dict[str, Any]:
    """Return a finalized order to a locker: vouchers on all levels, a partial return."""
    return wire("""{
  "id": 3200000077, "vendor_name": "Shop Test", "type": 3, "parent_id": null,
  "date": "2026-03-02 11:19:26", "created": "2026-03-02 11:19:30",
  "modified": "2026-07-05 09:41:07", "status": 4, "is_complete": 1,
  "payment_mode": "RAMBURS", "payment_mode_id": 1, "detailed_payment_method": "RAMBURS",
  "delivery_payment_mode": "cash", "delivery_mode": "pickup", "payment_status": 0,
  "cashed_co": null, "cashed_cod": 0, "shipping_tax": 14.99,
  "customer": {"id": "70000077", "mkt_id": 80000077, "name": "Client Test", "gender": "F",
    "phone_1": "+40700000077", "billing_locality_id": "9000001", "shipping_locality_id": 9000001,
    "created": "2026-03-02 11:19:27", "legal_entity": 0, "fax": null},
  "products": [
    {"id": 90000077, "product_id": "1001", "mkt_id": 60000077, "name": "Produs A",
     "part_number": "TEST-A", "ext_part_number": "TEST-AX", "part_number_key": "DTEST0BBM",
     "status": 1, "quantity": 1, "initial_qty": 2, "storno_qty": "1", "sale_price": "100.0000",
     "original_price": "120.0000", "currency": "RON", "vat": "0.2100", "retained_amount": 0,
     "reversible_vat_charging": 0, "created": "2026-03-02 11:19:26",
     "modified": "2026-03-05 09:41:07", "details": [], "serial_numbers": "SN1,SN2",
     "recycle_warranties": [
       {"quantity": 2, "sale_price": 0.5, "vat_rate": 0, "product_name": "Taxa SGR sticla"},
       {"quantity": 1, "sale_price": 0.5, "vat_rate": 0, "product_name": "Taxa SGR plastic",
        "recycle_warranty_voucher_split": [{"voucher_id": 501, "value": -0.5, "vat_value": 0}]}],
     "attachments": [{"name": "Garantie", "url": "https://files.example.invalid/w.pdf", "type": 3,
       "order_product_id": 90000077, "order_id": "3200000077", "order_type": 3}],
     "product_voucher_split": [
       {"voucher_id": 501, "value": -8.2645, "vat_value": -1.7355, "vat": "0.2100",
        "offered_by": "seller", "voucher_name": "Voucher test"},
       {"voucher_id": 501, "value": -4.1322, "vat_value": -0.8678, "vat": "0.2100",
        "offered_by": "eMAG", "voucher_name": "Voucher test eMAG"}],
     "campaign": {"id": 12, "name": "Primavara"}},
    {"id": 90000078, "product_id": 1002, "mkt_id": null, "name": "Produs B", "quantity": 0,
     "status": 0, "details": "fara ambalaj", "attachments": null, "recycle_warranties": [],
     "product_voucher_split": null, "serial_numbers": null, "campaign": null}],
  "shipping_tax_voucher_split": [{"voucher_id": 501, "value": -1, "vat_value": -0.21,
    "vat": "0.2100", "offered_by": "eMAG", "voucher_name": "Voucher test eMAG"}],
  "vouchers": [{"id": "40077", "voucher_id": "501", "voucher_name": "Voucher test",
    "status": "1", "sale_price": "-13.3967", "sale_price_vat": "-2.8133", "vat": "0.2100",
    "created": "2026-03-02 11:19:26", "modified": "2026-03-02 11:19:26",
    "issue_date": "2026-02-20"}],
  "attachments": [{"name": "F1.pdf", "url": "https://files.example.invalid/F1.pdf", "type": 1,
    "force_download": "0", "visibility": "public"}],
  "proforms": [], "details": {"locker_id": "L1", "locker_name": "easybox Test",
    "locker_delivery_eligible": 1}, "observation": "la interfon", "is_storno": true,
  "reason_cancellation": null, "cancellation_request": null, "has_editable_products": 0,
  "refunded_amount": "0", "refund_status": null,
  "maximum_date_for_shipment": "2026-03-04 11:19:27", "finalization_date": "2026-03-04 10:58:53",
  "late_shipment": 0, "flags": [{"flag": "demo", "value": "1"}], "emag_club": 1,
  "weekend_delivery": 0, "enforced_vendor_courier_accounts": [10001, "10002"], "currency": "RON"
}""")


def offer() -> dict[str, Any]:
    """Return an offer in the form that reads of many offers have."""
    return wire("""{
  "id": 1001, "part_number_key": "DTEST0BBM", "part_number": "TEST-A", "name": "Produs A",
  "brand": "Marca", "brand_name": "Marca SRL", "description": "<p>Text</p>", "url": "",
  "category_id": 506, "vendor_category_id": null, "status": 1, "sale_price": 100.5,
  "recommended_price": "120.0000", "min_sale_price": 80.0, "max_sale_price": 150,
  "best_offer_sale_price": 99.9, "best_offer_recommended_price": 119.9, "currency": "RON",
  "main_offer_price": "99.1234",
  "currency_type": null, "offer_price_other_currency": null, "start_date": [],
  "start_date_other_currency": [], "warranty": 24, "general_stock": 30, "estimated_stock": 29,
  "stock": [{"warehouse_id": 1, "value": 30}], "handling_time": [{"value": 0}],
  "availability": [{"value": 3}], "vat_id": 1, "reversible_vat_charging": false,
  "ean": ["0000000000017"], "barcode": [], "attachments": [],
  "images": [{"url": "https://img.example.invalid/a.jpg", "display_type": 1}],
  "characteristics": [{"id": 5401, "value": "Negru"}, {"id": 5401, "value": "Alb"}],
  "family": {"id": 8, "name": "Familie", "family_type_id": 219},
  "offer_details": {"id": 41000077, "warranty_type": 1, "supply_lead_time": 14, "emag_club": 1},
  "content_details": null, "offer_properties": [], "commission": null,
  "validation_status": [{"value": 8, "description": "Rejected",
    "errors": {"status": "error", "doc_id": 1}}],
  "translation_validation_status": [{"value": 17, "Description": "Partly", "errors": null}],
  "offer_validation_status": {"value": 1, "description": "Saleable", "errors": null},
  "auto_translated": 0, "ownership": true, "number_of_offers": 2, "buy_button_rank": 1,
  "genius_eligibility": 1, "genius_eligibility_type": 1, "genius_computed": 3,
  "recycleWarranties": 1, "has_smart_deals_badge": false, "rrp_guidelines": "RRP",
  "manufacturer": true, "eu_representative": false, "safety_information": "Atentie"
}""")
