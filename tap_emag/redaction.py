"""Keeps credentials out of everything that is logged, whoever logs it."""

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
SHORTEST = 3  # characters; hiding a shorter secret would tell it by what is left out
PATTERNS = (
    (re.compile(r"(://)[^/\s:@'\"]*:[^/\s@'\"]*(@)"), rf"\1{HIDDEN}\2"),
    (re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:basic|bearer)?\s*)[^\s'\",}]+"), None),
    (re.compile(r"(?i)([?&](?:\w*token|\w*key|\w*secret|password|signature)=)[^&\s'\"]+"), None),
)


class Redactor(logging.Filter):
    """Replaces secrets in a record's message and exception; never drops a record."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Hide these texts in every spelling that a log may show them in."""
        super().__init__()
        spellings = {form for secret in secrets for form in _spellings(secret)}
        known = sorted((re.escape(form) for form in spellings if len(form) >= SHORTEST), key=len)
        self._known = re.compile("|".join(reversed(known))) if known else None

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; return true, so that it is logged."""
        message = record.getMessage()
        if (clean := self.clean(message)) != message:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[0]:
            text = "".join(traceback.format_exception(*record.exc_info))
            record.exc_text, record.exc_info = self.clean(text).rstrip(), None
        return True

    def clean(self, text: str) -> str:
        """Return the text without secrets."""
        for pattern, replacement in PATTERNS:
            text = pattern.sub(replacement or rf"\1{HIDDEN}", text)
        return self._known.sub(HIDDEN, text) if self._known else text


def secrets_of(config: Mapping[str, Any]) -> list[str]:
    """Return what of a configuration must not be seen: user, password, keys, those inside URLs."""
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
    """Split an address; one that is none has no parts, and is refused elsewhere."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _inside_webhook(parts: SplitResult) -> Iterator[str]:
    """Give what lets its owner write there: a long path, values of the query.

    Short ones are words, which would be hidden wherever else they stand.
    """
    if len(parts.path) >= LONG_PATH:
        yield parts.path
    for _, value in parse_qsl(parts.query):
        if len(value) >= LONG_VALUE:
            yield value


def hide(secrets: Iterable[str]) -> None:
    """Hide secrets in all that the root logger's handlers write, in place of what was hidden."""
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
