"""The sandbox sends codes that the tap's code lists explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.documented import codes
from tap_emag.streams.codes.table import CODE_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

LISTS: dict[str, set[Any]] = {
    each.table.name: {entry[0] for entry in each.entries} for each in CODE_TABLES
}
# A flag of the tap; a key of a resource that the tap does not read.
WITHOUT_TABLE = {"courier_account_statuses", "hotness"}
# Sent on purpose, as eMAG sends codes that it does not document.
OBSERVED: dict[str, set[Any]] = {
    "delivery_modes": {"Livrare 6H"},
    "attachment_types": {13},
    "characteristic_types": {75},
}
# What the shop has, and where in it which list applies.
PATHS = {
    "orders": """
        type:order_types status:order_statuses payment_mode_id:payment_modes
        payment_status:payment_statuses delivery_mode:delivery_modes currency:currencies
        reason_cancellation.id:cancellation_reasons attachments.type:attachment_types
        products.status:order_line_statuses products.currency:currencies customer.gender:genders
        products.product_voucher_split.offered_by:discount_sponsors
    """,
    "offers": """
        status:offer_statuses offer_validation_status.value:offer_validation_statuses
        validation_status.value:validation_statuses images.display_type:image_display_types
        translation_validation_status.value:validation_statuses currency:currencies
        genius_eligibility_type:genius_eligibility_types genius_computed:genius_eligibility_types
    """,
    "returns": """
        type:order_types request_status:return_statuses return_type:return_types
        return_reason:return_reasons products.return_reason:return_reasons
        pickup_method:pickup_methods currency:currencies
    """,
    "categories": """
        characteristics.type_id:characteristic_types
        family_types.characteristics.characteristic_family_type_id:family_displays
        family_types.characteristics.characteristic_type:characteristic_types
    """,
    "localities": "country_code:locality_countries",
    "courier_accounts": """
        courier_account_type:courier_account_types
        courier_account_properties:courier_account_properties
    """,
    "addresses": "address_type_id:address_types",
    "invoices": "category:invoice_category_codes currency:currencies",
    "customer_invoices": "category:customer_invoice_categories currency:currencies",
}


def values(row: Any, path: list[str]) -> Iterator[Any]:  # noqa: ANN401 - any part of a row
    """Yield what stands at a path, through lists; nothing where it is null or empty."""
    if isinstance(row, list):
        for each in row:
            yield from values(each, path)
    elif path:
        yield from values(row.get(path[0]) if isinstance(row, dict) else None, path[1:])
    elif row not in (None, ""):
        yield row


@pytest.fixture(scope="module")
def every_row() -> dict[str, list[dict[str, Any]]]:
    world = Sandbox(SandboxConfig(orders=1500, offers=400, returns=250)).world
    return {kind: list(getattr(world, kind)()) for kind in PATHS}


@pytest.mark.parametrize("kind", PATHS)
def test_each_code_is_in_its_list(every_row: dict[str, list[dict[str, Any]]], kind: str) -> None:
    for pair in PATHS[kind].split():
        path, _, name = pair.partition(":")
        sent = set(values(every_row[kind], path.split(".")))
        assert len(sent) > 0, path
        assert sent - LISTS[name] <= OBSERVED.get(name, set()), path


def test_the_documented_codes_are_those_of_the_tap() -> None:
    documented = {
        name: {code.code for code in listed if code.mark == "D" and code.code}
        for name, listed in codes().items()
        if name not in WITHOUT_TABLE
    }
    assert documented == {name: {str(code) for code in listed} for name, listed in LISTS.items()}
    assert codes().keys() >= WITHOUT_TABLE


def test_the_documented_return_reasons_have_the_parents_that_the_tap_gives_them() -> None:
    reasons = next(each for each in CODE_TABLES if each.table.name == "return_reasons")
    assert {code.code: code.parent for code in codes()["return_reasons"]} == {
        str(code): str(parent or "") for code, _, _, parent, _ in reasons.entries
    }
