"""Finds new, changed and missing rows of a list without time stamps. Pure.

Offers have neither a created nor a modified time. So the tap remembers a fingerprint of each offer
it has delivered, 7 bytes long, and writes an offer only when its fingerprint is new. Two versions
of one offer have the same fingerprint once in 2**56 changes.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DIGEST = 7  # bytes
SMALLEST = -(2**63)  # distances are counted from the smallest 64-bit integer on
CHECKSUM = 4  # bytes
LARGEST = 2**63 - 1
FORMAT = "3"  # of the packed text; one that is not known means that nothing is known
FORMER = "2"  # of releases whose fingerprints covered rows as they were written
Change = Literal["created", "updated"]

# Python's default context would round to 28 digits and hide changes after them.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_encoder = msgspec.json.Encoder(order="deterministic", decimal_format="string")


def digest(content: bytes) -> bytes:
    """Return the fingerprint of what has been encoded."""
    return blake2b(content, digest_size=DIGEST).digest()


def fingerprint(row: Mapping[str, Any]) -> bytes:
    """Return the fingerprint of a typed row; ignore the order of keys and trailing zeros."""
    plain = {
        name: value.normalize(_EXACT) if isinstance(value, Decimal) else value
        for name, value in row.items()
    }
    return digest(_encoder.encode(plain))


class Fingerprints:
    """The fingerprints of all delivered rows by id, and their compact text for a bookmark.

    The text is FORMAT, a colon, and base64 of:

    * a checksum of the rest, so that a damaged text is ignored rather than read as other ids;
    * for each id, ascending, the distance to the id before it as a variable-length integer, then
      the fingerprint.

    100,000 offers with random ids up to 2**32 take less than 1.5 MB.
    """

    def __init__(self, known: Mapping[int, bytes] | None = None) -> None:
        """Start with the fingerprints of delivered rows."""
        self._known = dict(known or {})

    def __len__(self) -> int:
        return len(self._known)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fingerprints) and self._known == other._known

    __hash__ = None  # type: ignore[assignment]  # changes over its life

    def items(self) -> Iterable[tuple[int, bytes]]:
        """Return all ids with their fingerprints."""
        return self._known.items()

    def change(self, key: int, digest: bytes) -> Change | None:
        """Compare a row read now with the delivered version; None means unchanged."""
        known = self._known.get(key)
        if known is None:
            return "created"
        return None if known == digest else "updated"

    def deliver(self, key: int, digest: bytes) -> None:
        """Note that this version of the row is on its way to the target."""
        self._known[key] = digest

    def missing(self, seen: Iterable[int]) -> set[int]:
        """Return the delivered ids that are not among those seen."""
        return self._known.keys() - set(seen)

    def forget(self, key: int) -> None:
        """Drop a row that the source no longer has."""
        self._known.pop(key, None)

    def pack(self) -> str:
        """Return the compact text."""
        packed = bytearray()
        before = SMALLEST
        for key in sorted(self._known):
            distance, before = key - before, key
            while distance > 0x7F:  # noqa: PLR2004 - seven bits per byte, the eighth means "more"
                packed.append(distance & 0x7F | 0x80)
                distance >>= 7
            packed.append(distance)
            packed += self._known[key]
        return f"{FORMAT}:{base64.b64encode(_checksum(packed) + packed).decode()}"

    @classmethod
    def unpack(cls, text: object) -> Fingerprints | None:
        """Read the compact text; None when it is none of this format, or damaged."""
        version, _, body = str(text).partition(":")
        if version not in (FORMAT, FORMER):
            return None
        try:
            decoded = base64.b64decode(body, validate=True)
            checksum, packed = decoded[:CHECKSUM], decoded[CHECKSUM:]
            if checksum != _checksum(packed):
                return None
            return cls(dict(_entries(packed)))
        except (binascii.Error, ValueError):
            return None


def _checksum(packed: bytes | bytearray) -> bytes:
    return zlib.crc32(packed).to_bytes(CHECKSUM, "big")


def _entries(packed: bytes) -> Iterable[tuple[int, bytes]]:
    position, key = 0, SMALLEST
    while position < len(packed):
        shift = distance = 0
        while True:
            if position >= len(packed):
                raise ValueError("cut short")
            byte = packed[position]
            position += 1
            distance |= (byte & 0x7F) << shift
            shift += 7
            if shift > 70:  # noqa: PLR2004 - ten bytes are enough for every distance
                raise ValueError("no distance")
            if byte < 0x80:  # noqa: PLR2004 - the last byte of the number
                break
        key += distance
        if key > LARGEST:
            raise ValueError("no 64-bit integer")
        digest = packed[position : position + DIGEST]
        if len(digest) < DIGEST:
            raise ValueError("cut short")
        yield key, digest
        position += DIGEST
