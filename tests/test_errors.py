"""What a reply means, and that no message tells what it must not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag.errors import (
    AddressError,
    ContractError,
    CredentialsError,
    NotThereError,
    Reply,
    ThrottledError,
    TransientError,
    classify,
)

if TYPE_CHECKING:
    from tap_emag.errors import (
        EmagError,
    )

GOOD = {"isError": False, "messages": [], "errors": [], "results": []}
IP_REFUSED = {"isError": True, "messages": ["ERROR: Invalid vendor ip [203.0.113.9]"]}
API_REFUSED = {"isError": True, "messages": ["You are not allowed to use this API."]}

TABLE: list[tuple[int, Any, type[EmagError] | None]] = [
    (200, GOOD, None),
    (200, {**GOOD, "messages": ["a warning"]}, None),
    (200, IP_REFUSED, AddressError),
    (403, IP_REFUSED, AddressError),
    (500, IP_REFUSED, AddressError),
    (403, API_REFUSED, CredentialsError),
    (200, API_REFUSED, CredentialsError),
    (200, {"isError": True, "messages": [{"text": API_REFUSED["messages"]}]}, ContractError),
    (200, {"isError": True, "messages": [{"message": "x"}]}, ContractError),
    (401, None, CredentialsError),
    (403, "<html>", CredentialsError),
    (429, {"message": "API rate limit exceeded"}, ThrottledError),
    (500, None, TransientError),
    (502, "<html>", TransientError),
    (503, None, TransientError),
    (504, None, TransientError),
    (408, None, TransientError),
    (404, {"message": "no Route matched with those values"}, NotThereError),
    (400, {"message": "Invalid content"}, ContractError),
    (412, None, NotThereError),
    (302, None, ContractError),
    (200, None, TransientError),
    (200, [], TransientError),
    (200, {"results": []}, TransientError),
    (200, {**GOOD, "isError": True}, ContractError),
    (200, {**GOOD, "isError": "false"}, ContractError),
    (200, {**GOOD, "isError": 0}, ContractError),
]


@pytest.mark.parametrize(("status", "body", "expected"), TABLE)
def test_the_table_says_what_a_reply_means(
    status: int, body: object, expected: type[EmagError] | None
) -> None:
    error = classify(Reply("order/read", status, {}, body))
    assert type(error) is (expected or type(None))
    if error:
        assert "order/read" in str(error)


def test_the_address_to_register_is_told() -> None:
    assert "203.0.113.9" in str(classify(Reply("order/read", 200, {}, IP_REFUSED)))


def test_a_pause_the_server_asks_for_is_kept() -> None:
    for status in (429, 503):
        error = classify(Reply("order/read", status, {"retry-after": "7"}, None))
        assert isinstance(error, TransientError)
        assert error.wait == 7
    error = classify(Reply("order/read", 429, {"retry-after": "soon"}, None))
    assert isinstance(error, ThrottledError)
    assert error.wait is None


def test_what_the_api_says_is_quoted_without_addresses_and_numbers() -> None:
    body = {"isError": True, "messages": ["order 4300000001 of ana@example.invalid is locked"]}
    message = str(classify(Reply("order/read", 200, {}, body)))
    assert "is locked" in message
    assert "4300000001" not in message
    assert "ana@" not in message


@given(
    st.integers(100, 599),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["isError", "messages", "message", "text"]), inner)
        ),
    ),
)
def test_any_reply_is_either_good_or_an_error(status: int, body: object) -> None:
    error = classify(Reply("order/read", status, {}, body))
    good = status == 200 and isinstance(body, dict) and body.get("isError") is False
    assert error is not None or good
