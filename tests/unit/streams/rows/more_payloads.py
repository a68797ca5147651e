"""Returns, shipments, reference data and invoices as the API sends them, made up."""

from __future__ import annotations

from typing import Any

from tests.unit.streams.rows.payloads import wire


def return_() -> dict[str, Any]:
    """Return a return that was received: a refund under way, parcels by two reservations."""
    return wire("""{
  "is_full_fbe": 0, "emag_id": 4300077, "return_parent_id": null, "order_id": "3200000077",
  "type": 3, "is_club": 1, "is_fast": 0, "customer_name": "Client Test", "customer_company": null,
  "customer_phone": "0700000077", "pickup_country": "Romania", "pickup_suburb": "Judet Test",
  "pickup_city": "Oras Test", "pickup_address": "Strada Exemplu 7", "pickup_zipcode": null,
  "pickup_locality_id": 9000001, "pickup_method": 1, "customer_account_iban": "RO00TEST77",
  "customer_account_bank": null, "customer_account_beneficiary": null,
  "replacement_product_emag_id": null, "replacement_product_id": "0",
  "replacement_product_name": null, "replacement_product_quantity": 0,
  "observations": "Prea mic", "request_status": 6, "return_type": 3, "return_reason": 44,
  "date": "2026-03-08 17:03:44",
  "products": [
    {"id": 1050077, "product_emag_id": 60000077, "product_id": "1001", "quantity": "1",
     "product_name": "Produs A", "return_reason": 44, "observations": "", "diagnostic": null,
     "reject_reason": null, "retained_amount": 0},
    {"id": 1050078, "product_emag_id": null, "product_id": 1002, "quantity": 2,
     "product_name": "Produs B", "return_reason": 32, "observations": null, "diagnostic": "ok",
     "reject_reason": 3, "retained_amount": "5,50", "refund_value": "20.0000"}],
  "extra_info": {"maximum_finalization_date": "2026-03-20", "first_pickup_date": "2026-03-10",
    "estimated_product_pickup": "2026-03-11 00:00:00", "estimated_product_reception": null},
  "return_tax_value": "9.9900", "swap": null, "return_address_snapshot": "Strada Exemplu 9",
  "awbs": [{"reservation_id": 4500077}, {"reservation_id": "4500078"}],
  "status_history": [
    {"code": "new", "event_date": "2026-03-08 17:03:44", "requests": []},
    {"code": "received", "event_date": "2026-03-12 09:00:00", "requests": [
      {"amount": "121.0000", "created": "2026-03-12 10:00:00", "refund_type": "card",
       "refund_status": "started", "rma_id": "4300077", "status_date": "2026-07-12 10:00:01",
       "currency": "RON"}]}],
  "request_history": [{"id": 5000000000, "user": "demo", "action": "approve",
    "action_type": "status", "source": "web", "date": "9 Mar 2026, 10:00"}],
  "locker": [], "return_address_id": 20001, "country": "RO", "address_type": "pickup",
  "request_status_reason": null, "currency": "RON", "finalized_with_incident": null,
  "courier_name": "Curier Test"
}""")


def awb() -> dict[str, Any]:
    """Return a shipment of two parcels."""
    return wire("""{
  "emag_id": 9700077, "order_id": 3200000077, "rma_id": 4300077, "type": 3, "weight": 1,
  "awb_type": 2, "currency": "RON", "cash_on_delivery": "491.2000",
  "awb": [{"emag_id": 9800077, "awb_number": "0TEST77", "awb_barcode": "0TEST77001"},
    {"emag_id": "9800078", "awb_number": "0TEST77", "awb_barcode": "0TEST77002"}],
  "status": {"code": "DLV", "name": "Delivered", "description": "Livrat"},
  "courier": {"courier_account_id": 10001, "courier_id": 1, "courier_name": "Curier Test"}
}""")


def courier_account() -> dict[str, Any]:
    """Return a courier account for home and lockers."""
    return wire("""{
  "account_id": 10001, "account_display_name": "Demo", "courier_account_type": 3,
  "courier_name": "Curier Test", "courier_account_properties": [0, "2"],
  "created": "2023-05-01 08:00:00", "status": 1, "pickup_country_code": "RO"
}""")


def address() -> dict[str, Any]:
    """Return an address that parcels are fetched from."""
    return wire("""{
  "address_id": "20001", "country_id": 1, "country_code": "RO", "address_type_id": 2,
  "locality_id": 9000001, "suburb": "Judet Test", "city": "Oras Test",
  "address": "Strada Exemplu 9", "zipcode": "000000", "quarter": "Centru", "floor": "",
  "is_default": true
}""")


def category() -> dict[str, Any]:
    """Return a category as a read of it alone gives it, one characteristic twice."""
    return wire("""{
  "id": 506, "scm_id": 1, "name": "Categorie demo", "parent_id": 12, "is_allowed": 1,
  "is_ean_mandatory": 1, "is_warranty_mandatory": 0,
  "characteristics": [
    {"id": 5401, "name": "Culoare", "type_id": 11, "display_order": 6, "is_mandatory": 1,
     "is_mandatory_for_mktp": 0, "is_filter": 1, "allow_new_value": 0, "tags": [],
     "value_tags": [], "values": ["Alb", "Negru"]},
    {"id": 6506, "name": "Marime", "type_id": 60, "display_order": 7, "is_mandatory": 0,
     "is_mandatory_for_mktp": 0, "is_filter": 1, "allow_new_value": 1,
     "tags": ["original", "converted"], "value_tags": [], "values": []},
    {"id": 5401, "name": "Culoare", "type_id": 11, "values": {"1": "Rosu", "4": 7}}],
  "family_types": [
    {"id": 219, "name": "Culoare si marime", "characteristics": [
      {"characteristic_id": 5401, "characteristic_type": 1, "characteristic_family_type_id": 2,
       "is_foldable": 1, "display_order": 1},
      {"characteristic_id": "6506", "characteristic_type": 1, "characteristic_family_type_id": 1,
       "is_foldable": 0, "display_order": 2}]},
    {"id": 220, "name": "Nimic", "characteristics": []}]
}""")


def locality() -> dict[str, Any]:
    """Return a place."""
    return wire("""{
  "emag_id": 9000001, "name": "Oraș Test", "name_latin": "Oras Test", "region1": "Regiune",
  "region1_latin": "Regiune", "region2": "Județ Test", "region2_latin": "Judet Test",
  "region3": "", "region3_latin": "", "region4": null, "region4_latin": null, "geoid": 1,
  "modified": "2024-07-01 12:00:00", "zipcode": "000000", "country_code": "RO", "iso2": "RO-XX"
}""")


def invoice() -> dict[str, Any]:
    """Return an invoice of eMAG's for commission."""
    return wire("""{
  "category": "FC", "name": "Commission", "number": "X-TEST-77", "date": "2026-02-28",
  "is_storno": 0,
  "supplier": {"name": "Supplier Test SA", "register_number": "J00/000/2000", "cif": "00000077",
    "tax_code": "RO00000077", "social_capital": "1 RON", "iban": "RO00TEST77", "bank": "Test Bank",
    "address": "Strada Test 1", "phone_number": "000"},
  "customer": {"name": "Seller Test SRL", "register_number": "J00/001/2000", "cif": 11111177,
    "tax_code": "RO11111177", "iban": "", "bank": "", "country": "Romania", "address": "Strada 2"},
  "lines": [
    {"product_name": "Commission demo", "unit_of_measure": "Buc", "quantity": 1,
     "unit_price": "100,5", "vat_rate": 21, "value": 100.5, "vat_value": "21.105"},
    {"product_name": "Discount", "unit_of_measure": "Buc", "quantity": "1.5", "unit_price": -1,
     "vat_rate": 21, "value": -1.5, "vat_value": -0.315}],
  "payment_term": 0, "total_without_vat": 99, "total_vat_value": "20,79",
  "total_with_vat": "1.119,79", "currency": "RON"
}""")


def customer_invoice() -> dict[str, Any]:
    """Return a storno of a customer's invoice."""
    return wire("""{
  "category": "storno", "order_id": "3200000077", "number": "C-TEST-78", "date": "2026-03-12",
  "is_storno": 1, "reversal_for": "C-TEST-77",
  "supplier": {"name": "Seller Test SRL", "cif": "11111177", "country": "Romania"},
  "customer": {"name": "Client Test", "cif": "", "country": "Romania"},
  "lines": {"product_name": "Produs A", "unit_of_measure": "Buc", "quantity": -1,
    "unit_price": 100, "vat_rate": "21", "value": -100, "vat_value": -21},
  "total_without_vat": -100, "total_vat_value": -21, "total_with_vat": -121, "currency": "RON"
}""")
