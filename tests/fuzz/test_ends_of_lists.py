"""A page with nothing to use on it is not taken for the end of its list."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.fuzz.runs import sync
from tests.fuzz.spoiler import Spoiler

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    config = SandboxConfig(
        orders=40, offers=0, customer_invoices=20, page_caps=[2], history_days=20, limits=False
    )
    with Sandbox(config) as sandbox:
        yield sandbox


def test_a_page_of_invalid_rows_does_not_end_a_list(sandbox: Sandbox) -> None:
    def spoil(resource: str, body: bytes, number: int) -> bytes:
        if resource != "addresses/read" or number:
            return body
        reply = json.loads(body)
        for row in reply["results"]:
            del row["address_id"]
        return json.dumps(reply).encode()

    with Spoiler(sandbox, spoil) as spoiler:
        run = sync(spoiler.url, ["addresses", "rejected_rows"])
    assert run.error is None
    addresses = sandbox.world.addresses()
    assert len(run.rows("rejected_rows")) == 2
    assert {row["address_id"] for row in run.rows("addresses")} == {
        str(row["address_id"]) for row in addresses[2:]
    }


def test_a_first_page_of_invoices_without_those_it_announces_is_asked_for_again(
    sandbox: Sandbox,
) -> None:
    there = {row["number"] for row in sandbox.world.customer_invoices()}

    def spoil(resource: str, body: bytes, number: int) -> bytes:
        if resource != "customer-invoice/read" or number:
            return body
        results = {"total_results": len(there), "invoices": []}
        return json.dumps({"isError": False, "messages": [], "results": results}).encode()

    begin = (datetime.now(timezone.utc) - timedelta(days=25)).isoformat()
    with Spoiler(sandbox, spoil) as spoiler:
        run = sync(spoiler.url, ["customer_invoices"], start_date=begin)
    assert run.error is None
    assert {row["number"] for row in run.rows("customer_invoices")} == there
