"""Hides secrets in log lines and other texts.

It is a module of its own, because the SDK, which `logs` is built on, takes longest to import.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from urllib.parse import SplitResult

HIDDEN = "***"
LONG_PATH, LONG_VALUE = 12, 6  # characters, of a webhook's address
SHORTEST = 3  # characters; the gaps would reveal a shorter secret
# Control characters for terminals, from any library's message. Line breaks stay: our own messages
# have some, and texts of the API are one line before they come here, see `tap_emag.quoting`.
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
PATTERNS = (
    (re.compile(r"(://)[^/\s:@'\"]*:[^/\s@'\"]*(@)"), rf"\1{HIDDEN}\2"),
    (re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:basic|bearer)?\s*)[^\s'\",}]+"), None),
    (re.compile(r"(?i)([?&](?:\w*token|\w*key|\w*secret|password|signature)=)[^&\s'\"]+"), None),
)


class Redactor(logging.Filter):
    """Replaces secrets in a record's message and exception; never drops a record."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Hide these texts in every spelling that a log may have."""
        super().__init__()
        spellings = {form for secret in secrets for form in _spellings(secret)}
        known = sorted((re.escape(form) for form in spellings if len(form) >= SHORTEST), key=len)
        self._known = re.compile("|".join(reversed(known))) if known else None

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; return true, so that it is logged."""
        message = record.getMessage()
        if (clean := UNSEEN.sub(" ", self.clean(message))) != message:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[0]:
            text = "".join(traceback.format_exception(*record.exc_info))
            record.exc_text = UNSEEN.sub(" ", self.clean(text)).rstrip()
            record.exc_info = None
        return True

    def clean(self, text: str) -> str:
        """Return the text without secrets."""
        for pattern, replacement in PATTERNS:
            text = pattern.sub(replacement or rf"\1{HIDDEN}", text)
        return self._known.sub(HIDDEN, text) if self._known else text


def secrets_of(config: Mapping[str, Any]) -> list[str]:
    """Return the secrets of a configuration: user, password, keys, and those inside URLs."""
    user, password = (str(config.get(name) or "") for name in ("username", "password"))
    secrets = [user, password, base64.b64encode(f"{user}:{password}".encode()).decode()]
    secrets.append(str(config.get("webhook_secret") or ""))
    for value in config.values():
        if isinstance(value, str) and "://" in value:
            parts = _parts(value)
            secrets += [unquote(part) for part in (parts.username, parts.password) if part]
    secrets += _inside_webhook(_parts(str(config.get("webhook_url") or "")))
    return [secret for secret in secrets if secret]


def _parts(url: str) -> SplitResult:
    """Split an address; an invalid one has no parts, and is refused elsewhere."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _inside_webhook(parts: SplitResult) -> Iterator[str]:
    """Yield the secrets of a webhook's address: a long path, long values of the query.

    Short ones are words, which would be hidden in other texts as well.
    """
    if len(parts.path) >= LONG_PATH:
        yield parts.path
    for _, value in parse_qsl(parts.query):
        if len(value) >= LONG_VALUE:
            yield value


def hide(secrets: Iterable[str]) -> None:
    """Hide these secrets in all output of the root logger's handlers, instead of earlier ones."""
    redactor = Redactor(secrets)
    for handler in logging.getLogger().handlers:
        for old in [item for item in handler.filters if isinstance(item, Redactor)]:
            handler.removeFilter(old)
        handler.addFilter(redactor)


def _spellings(secret: str) -> set[str]:
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        base64.b64encode(secret.encode()).decode(),
    }
