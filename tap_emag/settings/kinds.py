"""Checks values of settings by their kind, and explains what to write instead.

Meltano passes values of the environment, so every kind takes text as well as its own JSON type.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

# No shop is older than EARLIEST; LATEST leaves room for computing with dates.
EARLIEST = datetime(2000, 1, 1, tzinfo=timezone.utc)
LATEST = datetime(9000, 1, 1, tzinfo=timezone.utc)
AUTO = "auto"
AUTO_SHARE = 0.97  # of a request budget
LEAST_SHARE = 0.01
LISTED_WITH_OR = 2  # options that are listed with "or"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ORDER_TYPES = (3, 2)
# As eMAG documents them: Greece is EL among the countries and GR among the languages.
COUNTRIES = ("RO", "BG", "HU", "PL", "EL", "DE")
LANGUAGES = ("EN", "RO", "HU", "BG", "PL", "GR", "DE")
# What a secret of Standard Webhooks begins with; Base64 follows.
STANDARD_SECRET = "whsec_"  # noqa: S105 - not a password


class InvalidError(ValueError):
    """A value cannot be used; the message reads `problem; what to write instead`."""


@dataclass(frozen=True)
class Kind:
    """The values that a setting may have.

    `read` returns the checked value, or raises InvalidError. `allowed` describes the range with its
    unit. A `verbatim` value keeps quotation marks around it: any character may be part of it.
    """

    name: str  # a JSON type or format
    read: Callable[[object], Any]
    allowed: str = ""
    verbatim: bool = False
    items: str = "integer"  # the JSON type of the items of an array

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of these values."""
        if self.name == "array":
            return {"type": ["array", "string"], "items": {"type": self.items}}
        own = [] if self.name in {"string", "date-time"} else [self.name]
        return {"type": [*own, "string"]}


def text(check: Callable[[str], Any] = str, *, allowed: str = "", verbatim: bool = False) -> Kind:
    """Return the kind of texts that `check` takes."""

    def read(value: object) -> Any:  # noqa: ANN401 - the result of `check`
        if not isinstance(value, str):
            # The message does not repeat the value, which may be a password.
            raise InvalidError("is not text; put the value in quotes")
        return check(value)

    return Kind("string", read, allowed, verbatim)


def one_of(*options: str) -> Kind:
    """Return the kind of texts that are one of these."""
    few = len(options) <= LISTED_WITH_OR
    known = f"write {' or '.join(options)}" if few else f"use one of {', '.join(options)}"

    def check(value: str) -> str:
        if value not in options:
            raise InvalidError(f"{value!r} is unknown; {known}")
        return value

    return text(check, allowed=", ".join(options))


def number(minimum: float, maximum: float, unit: str = "", *, whole: bool = False) -> Kind:
    """Return the kind of numbers from `minimum` to `maximum`, both included."""
    noun = "whole number" if whole else "number"
    wanted = f"write a {noun} from {minimum} to {maximum}"

    def read(value: object) -> float:
        try:
            found = float("nan" if isinstance(value, bool) else str(value))
        except ValueError:
            found = float("nan")
        if not minimum <= found <= maximum or (whole and found % 1):
            raise InvalidError(f"{value!r} will not do; {wanted}")
        return int(found) if whole else found

    return Kind("integer" if whole else "number", read, f"{minimum} to {maximum} {unit}".rstrip())


def whole_number(minimum: int, maximum: int, unit: str = "") -> Kind:
    """Return the kind of whole numbers from `minimum` to `maximum`, both included."""
    return number(minimum, maximum, unit, whole=True)


def _share(value: object) -> float:
    """Return a share; `auto` is all but a remainder, below which refusals find the right pace."""
    if str(value).strip().lower() == AUTO:
        return AUTO_SHARE
    try:
        share: float = number(LEAST_SHARE, 1).read(value)
    except InvalidError as error:
        raise InvalidError(f"{error}, or {AUTO}") from None
    return share


def _flag(value: object) -> bool:
    written = str(value).strip().lower()
    if written not in {"true", "false"}:
        raise InvalidError(f"{value!r} is unknown; write true or false")
    return written == "true"


def _moment(value: object) -> datetime:
    written = str(value).strip()
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", written))
    except ValueError:
        raise InvalidError(
            f"{written!r} is not a date; write one such as 2026-01-31 or 2026-01-31T08:00:00Z"
        ) from None
    if not EARLIEST <= moment.replace(tzinfo=timezone.utc) <= LATEST:
        raise InvalidError(
            f"{written!r} is outside of the years {EARLIEST.year} to {LATEST.year};"
            " write another date"
        )
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc)


def _listed(value: object) -> tuple[Any, ...]:
    """Return the items of a list, or of its JSON; of anything else none."""
    try:
        items = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        items = None
    return tuple(items) if isinstance(items, list | tuple) else ()


def _countries(value: object) -> tuple[str, ...]:
    found = _listed(value)
    known = [item for item in found if isinstance(item, str) and item in COUNTRIES]
    if not found or len(known) != len(found) or len(set(known)) != len(known):
        raise InvalidError(
            f"{value!r} will not do; write a list of {', '.join(COUNTRIES)}, each once, such as"
            ' ["RO", "HU"]'
        )
    return tuple(known)


def _order_types(value: object) -> tuple[int, ...]:
    found = _listed(value)
    known = [item for item in found if item in ORDER_TYPES and not isinstance(item, bool)]
    if not found or len(known) != len(found) or len(set(known)) != len(known):
        raise InvalidError(f"{value!r} will not do; write [3, 2], [3] or [2], each type once")
    return tuple(known)


def _short_name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,29}", value):
        raise InvalidError(
            f"{value!r} is not a short name; use up to 30 lower-case letters, digits, - and _, such"
            " as main or fbe"
        )
    return value


def _api_url(value: str) -> str:
    parts = _parts(value)
    hint = "is not a web address; write one such as https://marketplace-api.emag.ro/api-3"
    if parts is None:
        raise InvalidError(hint)
    problem = ""
    if parts.scheme not in {"http", "https"} or not _sendable(value):
        problem = hint
    elif parts.scheme == "http" and parts.hostname not in LOOPBACK:
        problem = "would send the password in the clear; write https://"
    elif parts.username or parts.password:
        problem = "contains credentials; put them in `username` and `password`"
    elif parts.query or parts.fragment:
        problem = "has a query or fragment; write only the base address"
    if problem:
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
        raise InvalidError(f"{shown.geturl()!r} {problem}")
    return value.rstrip("/")


def _outlet(value: str) -> str:
    """Check an address to send to; it may be a secret, so the message does not repeat it."""
    parts = _parts(value)
    if not parts or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidError("is not a web address; write one such as https://example.com/path")
    return value


def _signing_key(value: str) -> str:
    """Check a secret of Standard Webhooks; any other text is a key as it is."""
    if value.startswith(STANDARD_SECRET):
        encoded = value.removeprefix(STANDARD_SECRET)
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        if not key:
            raise InvalidError(
                f"begins with {STANDARD_SECRET}, and no Base64 follows; write {STANDARD_SECRET} and"
                " Base64, or a key that begins otherwise"
            )
    return value


def _postgres(value: str) -> str:
    parts = _parts(value)
    if not parts or parts.scheme not in {"postgresql", "postgres"}:
        raise InvalidError(
            "is not the address of a Postgres database; write one such as"
            " postgresql://user:password@host/database, or leave it out"
        )
    return value


def _zone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise InvalidError(
            f"{value!r} is not an IANA zone; write one such as Europe/Bucharest"
        ) from None


def _ip_address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise InvalidError(
            f"{value!r} is not an IP address; write 127.0.0.1, or 0.0.0.0 to let other hosts read"
            " the metrics"
        ) from None
    return value


def _folder(value: str) -> Path:
    folder = _path(value)
    if not folder.is_absolute() or "\0" in value:
        raise InvalidError(
            f"{str(folder)!r} is not an absolute path; write one such as /var/lib/tap-emag"
        )
    return folder


def _textfile(value: str) -> Path:
    """Check the name of a file for node-exporter, which silently skips invalid ones."""
    path = _path(value)
    if not path.is_absolute() or path.suffix != ".prom" or "\0" in value:
        raise InvalidError(
            f"{value!r} is not an absolute path ending in .prom; write one such as"
            " /var/lib/prometheus/node-exporter/tap-emag.prom"
        )
    return path


def is_quoted(value: object) -> bool:
    """Return whether a text still has quotation marks that a file or shell should remove."""
    return isinstance(value, str) and len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"


def _sendable(url: str) -> bool:
    """Return whether a request to an address can be prepared."""
    import requests  # noqa: PLC0415 - a large import

    try:
        requests.Request("POST", url).prepare()
        (urlsplit(url).hostname or "").encode("idna")
    except (requests.RequestException, ValueError):
        return False
    return url.isprintable() and " " not in url


def _parts(value: str) -> SplitResult | None:
    """Split an address; return None when it cannot be one."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _path(value: str) -> Path:
    """Return a path with `~` resolved; leave the name of an unknown user as it is."""
    path = Path(value)
    try:
        return path.expanduser()
    except RuntimeError:
        return path


TEXT = text()
SECRET = text(verbatim=True)
SIGNING_KEY = text(_signing_key, allowed="any text, or whsec_ and Base64", verbatim=True)
SHORT_NAME = text(_short_name, allowed="lower-case letters, digits, - and _")
SHARE = Kind("number", _share, f"{LEAST_SHARE} to 1, or {AUTO}")
FLAG = Kind("boolean", _flag, "true, false")
MOMENT = Kind("date-time", _moment, "ISO 8601")
ORDER_TYPE_LIST = Kind("array", _order_types, "each type once")
COUNTRY_LIST = Kind("array", _countries, "each country once", items="string")
API_URL = text(_api_url, allowed="https://…")
OUTLET = text(_outlet, allowed="http(s)://…")
POSTGRES_URL = text(_postgres, allowed="postgresql://…")
ZONE = text(_zone, allowed="IANA zone")
IP_ADDRESS = text(_ip_address, allowed="IP address")
FOLDER = text(_folder, allowed="absolute path")
TEXTFILE = text(_textfile, allowed="absolute path ending in .prom")
