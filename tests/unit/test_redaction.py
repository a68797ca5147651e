"""Secrets are in no line that is logged, however they are spelled."""

from __future__ import annotations

import base64
import io
import json
import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from tap_emag.redaction import HIDDEN, Redactor, hide, secrets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

import pytest

CONFIG = {
    "username": "seller@example.invalid",
    "password": "p@ss/w'ö\"rd%1",
    "rate_limit_store": "postgresql://app:data%20base@db.example.invalid/x",
    "start_date": "2026-01-01",
}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    hide(secrets_of(CONFIG))
    yield stream
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize(
    "text",
    [
        CONFIG["password"],
        quote(CONFIG["password"], safe=""),
        json.dumps(CONFIG["password"]),
        repr(CONFIG["password"]),
        base64.b64encode(f"{CONFIG['username']}:{CONFIG['password']}".encode()).decode(),
        CONFIG["username"],
        CONFIG["rate_limit_store"],
        "data base",
    ],
)
def test_no_spelling_of_a_secret_is_logged(log: io.StringIO, text: str) -> None:
    logger = logging.getLogger("some.library")
    logger.error("before %s after", text)
    logger.error(f"before {text} after")  # noqa: G004
    try:
        int(text)
    except ValueError:
        logger.exception("it failed")
    written = log.getvalue()
    assert "before" in written
    assert "ValueError" in written
    assert text not in written
    for secret in secrets_of(CONFIG):
        assert secret not in written


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Basic ZGVtbzpkZW1v", "ZGVtbzpkZW1v"),
        ("{'Authorization': 'Bearer abc.def'}", "abc.def"),
        ("GET https://hooks.example.invalid/x?token=abc123&a=1", "abc123"),
        ("postgresql://someone:else@host/db", "else"),
        ("https://x.example.invalid/?api_key=k1", "k1"),
    ],
)
def test_what_looks_like_a_credential_is_hidden_too(text: str, hidden: str) -> None:
    assert hidden not in Redactor([]).clean(text)


def test_other_text_stays(log: io.StringIO) -> None:
    logging.getLogger("x").warning("order/read: eMAG answered HTTP %d", 500)
    assert log.getvalue() == "order/read: eMAG answered HTTP 500\n"


@given(st.text(min_size=3), st.text(), st.text())
def test_whatever_stands_around_a_secret_it_is_hidden(secret: str, left: str, right: str) -> None:
    assert secret not in Redactor([secret]).clean(left + secret + right) or secret in "***"


def test_a_webhooks_path_and_query_are_hidden_but_not_plain_words() -> None:
    url = "https://hooks.example.com/services/T0/B0/geheim?sig=abcdef1"
    clean = Redactor(secrets_of({"webhook_url": url})).clean
    assert clean(f"POST {url}") == f"POST https://hooks.example.com{HIDDEN}?sig={HIDDEN}"
    clean = Redactor(secrets_of({"webhook_url": "https://example.com/orders?a=1"})).clean
    assert clean("orders: 1 row") == "orders: 1 row"


def test_an_address_that_is_none_has_no_secrets() -> None:
    nothing = secrets_of({})
    assert secrets_of({"webhook_url": "http://[bad", "api_url": "https://[also"}) == nothing
