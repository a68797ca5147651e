"""What every table has: the account a row belongs to, and keys that are never null."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_emag.tables.raw import is_id
from tap_emag.tables.table import GIVEN, Column
from tap_emag.types import TEXT, MisfitError, parse_integer, parse_text

if TYPE_CHECKING:
    from collections.abc import Mapping

# Postgres refuses to index a text of more than some 2700 bytes.
LONGEST_KEY = 255
ACCOUNT_KEYS = ("marketplace", "account_type")
ACCOUNT_COLUMNS = (
    Column(
        "marketplace",
        TEXT,
        "eMAG platform the row was read from, such as emag_ro.",
        GIVEN,
    ),
    Column(
        "account_type",
        TEXT,
        "Label of the seller account the row was read from, such as main or fbe.",
        GIVEN,
    ),
)


@dataclass(frozen=True)
class Account:
    """The seller account that rows are read from."""

    marketplace: str
    account_type: str

    def columns(self) -> dict[str, Any]:
        """Return the values of ACCOUNT_COLUMNS."""
        return {"marketplace": self.marketplace, "account_type": self.account_type}


def integer_or_none(value: object) -> int | None:
    """Read an integer where anything else counts as missing."""
    try:
        return None if value is None else parse_integer(value)
    except MisfitError:
        return None


def key_of(raw: Mapping[str, Any], name: str) -> int:
    """Return a row's integer key, which must not be null whatever the API sends.

    A key that is missing or no integer is replaced by a negative number drawn from the value, or
    from the whole row: the same in every run, and no two rows share it.
    """
    key = integer_or_none(raw.get(name))
    if key is not None:
        return key
    return -(int.from_bytes(_digest(raw, name)[:7], "big") + 1)


def key_or_none(raw: Mapping[str, Any], name: str) -> int | None:
    """Return a row's integer key, None where the row says none: see `key_of`."""
    return key_of(raw, name) if is_id(raw.get(name)) else None


def text_key_of(raw: Mapping[str, Any], name: str) -> str:
    """Return a row's key as text, which must be neither null nor empty whatever the API sends.

    A key that is missing, no text or longer than any real one is replaced by `unnamed-` and digits
    drawn from the value, or from the whole row: the same in every run, and no two rows share it.
    """
    key = text_of(raw.get(name))
    return key if key.strip() and len(key) <= LONGEST_KEY else f"unnamed-{_digest(raw, name).hex()}"


def text_of(value: object) -> str:
    """Return what a text column holds of a value, "" where that is nothing."""
    try:
        return "" if value is None else parse_text(value)
    except MisfitError:
        return ""


def _digest(raw: Mapping[str, Any], name: str) -> bytes:
    basis = raw.get(name) or dict(raw)
    return hashlib.sha256(json.dumps(basis, sort_keys=True, default=str).encode()).digest()
