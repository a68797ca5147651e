"""What a reply means, and that no message tells what it must not."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag.errors import (
    AddressError,
    ConfigurationError,
    ContractError,
    CredentialsError,
    EndedEarlyError,
    InterruptedSyncError,
    NoRouteError,
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
    (401, {"code": 401, "message": "Unauthorized"}, CredentialsError),
    (403, {"message": "Forbidden"}, CredentialsError),
    (403, "<html>", TransientError),
    (403, None, TransientError),
    (429, {"message": "API rate limit exceeded"}, ThrottledError),
    (500, None, TransientError),
    (502, "<html>", TransientError),
    (503, None, TransientError),
    (504, None, TransientError),
    (408, None, TransientError),
    *((status, None, TransientError) for status in (421, 425, 507, 509, *range(520, 528))),
    *((status, "<html>", TransientError) for status in (530, 599)),
    (501, None, ContractError),
    (404, {"message": "no Route matched with those values"}, NoRouteError),
    (404, {"message": "This offer does not exist"}, NotThereError),
    (404, "<html>", NotThereError),
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


REFUSED = (
    "vat/read: eMAG refuses this machine's IP address{}. Register it in the marketplace account"
    " (My account > Profile > Technical details), then run again"
)
# What whoever runs the tap reads, whole: docs/errors.md and log searches quote these sentences.
SAID: list[tuple[int, Any, str]] = [
    (
        200,
        IP_REFUSED,
        REFUSED.format(" 203.0.113.9"),
    ),
    (
        200,
        {"isError": True, "messages": ["Invalid vendor IP"]},
        REFUSED.format(""),
    ),
    (
        403,
        API_REFUSED,
        (
            "vat/read: eMAG refuses the user or password (HTTP 403). Check `username`, `password`"
            " and `marketplace` (TAP_EMAG_USERNAME, TAP_EMAG_PASSWORD, TAP_EMAG_MARKETPLACE), and"
            " that the user has the API right"
        ),
    ),
    (
        429,
        None,
        (
            "vat/read: the account's request budget is used up (HTTP 429); other programs of the"
            " same account may be using it: lower `rate_limit_share`"
        ),
    ),
    (503, "<html>", "vat/read: eMAG answered HTTP 503"),
    (
        403,
        None,
        (
            "vat/read: HTTP 403 without eMAG's envelope: a firewall or a proxy before the API"
            " refuses the request, not eMAG the password"
        ),
    ),
    (200, "<html>", "vat/read: HTTP 200 without eMAG's envelope"),
    (
        404,
        {"message": "no Route matched"},
        "vat/read: eMAG answered HTTP 404: no Route matched",
    ),
    (
        302,
        None,
        "vat/read: eMAG answered HTTP 302: no reason. Check `api_url`",
    ),
    (
        200,
        {"isError": True, "message": "Maximum input vars exceeded"},
        "vat/read: eMAG refused the request: Maximum input vars exceeded",
    ),
    (
        200,
        {"isError": True, "messages": ["one", {"text": "two"}, {"message": "three"}, {}, 4, ""]},
        "vat/read: eMAG refused the request: one; two; three",
    ),
    (
        200,
        {"isError": True, "messages": "no list, order 4300000001"},
        "vat/read: eMAG refused the request: no list, order …",
    ),
    (200, {"isError": True}, "vat/read: eMAG refused the request: no reason given"),
]


@pytest.mark.parametrize(("status", "body", "said"), SAID)
def test_a_message_names_the_resource_the_reason_and_the_next_step(
    status: int, body: object, said: str
) -> None:
    assert str(classify(Reply("vat/read", status, {}, body))) == said


def test_a_refusal_names_the_variables_of_the_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELTANO_EXTRACTOR_NAME", "tap-emag-fbe-orders-nightly")
    said = str(classify(Reply("vat/read", 403, {}, API_REFUSED)))
    assert "(TAP_EMAG_FBE_USERNAME, TAP_EMAG_FBE_PASSWORD, TAP_EMAG_FBE_MARKETPLACE)" in said


BARE: list[tuple[Any, type[EmagError] | None]] = [
    ([], None),
    ([{"id": 1}], None),
    ({"data": []}, None),
    ({"results": [{"number": "1"}]}, None),
    ({"results": []}, TransientError),
    ({"results": {}}, TransientError),
    ({"isError": False}, None),
    ({"isError": True}, ContractError),
    ({"isError": 0}, ContractError),
    ("<html>", TransientError),
    (None, TransientError),
]


@pytest.mark.parametrize(("body", "expected"), BARE)
def test_a_resource_may_answer_without_an_envelope_but_not_with_one_that_says_no(
    body: object, expected: type[EmagError] | None
) -> None:
    error = classify(Reply("smart-deals-price-check", 200, {}, body), enveloped=False)
    assert type(error) is (expected or type(None))


def test_wrong_settings_are_told_one_a_line_and_kept_apart() -> None:
    problems = ["username: is missing", "password: is missing"]
    error = ConfigurationError(problems)
    assert error.problems == problems
    assert str(error).splitlines() == problems
    assert error.exit_code == 2


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_interrupted_ends_with_the_code_that_shells_use(
    signum: int, code: int
) -> None:
    error = InterruptedSyncError(signum)
    assert isinstance(error, EndedEarlyError)
    assert error.exit_code == code
    assert str(error) == f"ended by signal {signum:d}; the next run goes on where this one stopped"


def test_a_pause_the_server_asks_for_is_kept() -> None:
    for status in (429, 503):
        error = classify(Reply("order/read", status, {"retry-after": "7"}, None))
        assert isinstance(error, TransientError)
        assert error.wait == 7
    error = classify(Reply("order/read", 429, {"retry-after": "soon"}, None))
    assert isinstance(error, ThrottledError)
    assert error.wait is None


@pytest.mark.parametrize(
    ("asked", "wait"), [("0.5", 0.5), ("-3", 0), ("nan", 0), ("", None), ("7 s", None)]
)
def test_no_pause_is_shorter_than_none_at_all(asked: str, wait: float | None) -> None:
    error = classify(Reply("order/read", 429, {"retry-after": asked}, None))
    assert isinstance(error, ThrottledError)
    assert error.wait == wait


DATE = "Sun, 29 Nov 2026 06:00:00 GMT"


@pytest.mark.parametrize(
    ("until", "wait"),
    [
        ("Sun, 29 Nov 2026 06:00:07 GMT", 7),
        ("Sunday, 29-Nov-26 06:01:00 GMT", 60),
        ("Sun, 29 Nov 2026 05:59:00 GMT", 0),
        ("Sun, 99 Nov 2026 05:59:00 GMT", None),
    ],
)
def test_a_pause_up_to_a_date_is_counted_by_the_server_s_clock(
    until: str, wait: float | None
) -> None:
    error = classify(Reply("order/read", 429, {"retry-after": until, "date": DATE}, None))
    assert isinstance(error, ThrottledError)
    assert error.wait == wait


@given(st.text("ab 0123456789@.", max_size=400))
def test_no_quote_holds_an_address_or_a_long_number_wherever_it_is_cut(said: str) -> None:
    body = {"isError": True, "messages": [said]}
    quote = str(classify(Reply("order/read", 200, {}, body))).removeprefix("order/read")
    assert not re.search(r"\d{6}|\S@\S", quote)
    assert len(quote) < 250


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
