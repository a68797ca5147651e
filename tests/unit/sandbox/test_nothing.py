"""The sandbox answers as if a resource held nothing, so many times."""

from __future__ import annotations

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.support.api import client_for


def test_the_next_requests_of_a_resource_are_answered_with_nothing() -> None:
    with Sandbox(SandboxConfig(orders=5, offers=7, limits=False)) as sandbox:
        sandbox.set(empty_next={"product_offer": 2})
        with client_for(sandbox) as client:
            assert client.read("vat", 1, {}).rows
            assert client.count("product_offer", {}).rows == 0
            assert client.read("product_offer", 1, {}).rows == []
            assert client.count("product_offer", {}).rows == 7
        assert sandbox.config.empty_next == {"product_offer": 0}


@pytest.mark.parametrize("given", [{"order": -1}, {"order": "1"}, ["order"]])
def test_what_the_knob_cannot_be_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="empty_next"):
        SandboxConfig(empty_next=given)  # type: ignore[arg-type]
