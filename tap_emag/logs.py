"""Formats log lines, hides secrets in them, and keeps what the SDK logs to the debug level."""

from __future__ import annotations

import base64
import json
import logging
import re
import time
import traceback
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from singer_sdk.logging import ConsoleFormatter, StructuredFormatter
from singer_sdk.metrics import METRICS_LOGGER_NAME

from tap_emag.meltano.caller import is_invoked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from urllib.parse import SplitResult

FORMAT = "TAP_EMAG_LOG_FORMAT"  # Meltano sets it besides the configuration file
# What the SDK logs of each stream, setting and child stream, by the beginnings of its texts.
SDK_LINES: Final = ("Added '", "Beginning sync of ", "Skipping parse of env", "Skipping deselected")
REPEATED: Final = "An unhandled error occurred"  # of the SDK; the command logs the error, once


class UtcFormatter(ConsoleFormatter):
    """The SDK's form of a line, with its time in UTC."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


class DebugLines(logging.Filter):
    """Logs what the SDK logs of its own work, and its metrics, at the debug level."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged, at the level that it has now."""
        text = str(record.msg)
        if text.startswith(REPEATED):
            return False
        if record.name == METRICS_LOGGER_NAME or text.startswith(SDK_LINES):
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
            return logging.getLogger().isEnabledFor(logging.DEBUG)
        return True


def is_json() -> bool:
    """Return whether log lines are written as JSON."""
    handlers = logging.getLogger().handlers
    return any(isinstance(handler.formatter, StructuredFormatter) for handler in handlers)


def write_text() -> None:
    """Make the root logger's handlers write lines for people, unless Meltano reads them as JSON.

    It does so for `meltano run`; `meltano invoke` passes them on to the terminal as they are.
    """
    for handler in logging.getLogger().handlers:
        by_sdk = isinstance(handler.formatter, ConsoleFormatter)
        if by_sdk or (isinstance(handler.formatter, StructuredFormatter) and is_invoked()):
            handler.setFormatter(UtcFormatter())


def quiet_sdk() -> None:
    """Keep what the SDK logs of its own work to the debug level."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(each, DebugLines) for each in handler.filters):
            handler.addFilter(DebugLines())


def write_json(run_id: str, account: str) -> None:
    """Make the root logger's handlers write one JSON object per line, in the SDK's own form."""
    formatter = StructuredFormatter(
        defaults={"app_name": "tap-emag", "run_id": run_id, "account": account}
    )
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter)


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
