"""Parses the bytes of a reply; no content may stop a run.

msgspec reads nearly all replies. The standard library reads the rest, so that a row survives:

* a part nested deeper than programs downstream can read becomes its own JSON text;
* a number that Python cannot read, NaN and Infinity become their text;
* each byte that is not UTF-8 becomes U+FFFD.

If a row has a key twice, the last value counts, as in PHP and Postgres. An envelope with a key
twice is ambiguous, and reported.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

DEEPEST = 64  # arrays and objects within each other, the envelope counted
NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
ONE_KIND = bytes.maketrans(b"{}", b"[]")
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
ASCII_ESCAPE = re.compile(rb"\\u00[2-7]")  # could spell a key another way
MANY = 16  # keys of an object that is not an envelope
TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]+|[\]}]+', re.DOTALL)
DEEP = f"is nested more than {DEEPEST} levels deep; the deeper part is kept as text"
NO_UTF8 = "has bytes that are not UTF-8; each of them is read as U+FFFD"

_decoder = msgspec.json.Decoder(float_hook=Decimal)


@dataclass
class Parsed:
    """A parsed body: `value` is None when it is not JSON.

    `oddities` are sentences to follow "the reply", without contents. `ambiguous` means that the
    outermost object has a key twice.
    """

    value: Any
    oddities: list[str] = field(default_factory=list)
    ambiguous: bool = False


def parse(content: bytes) -> Parsed:
    """Read a body: fractions become exact, and nesting at most DEEPEST levels deep."""
    try:
        value = _decoder.decode(content)
        plain = _named_once(value, content) and (
            _shallow(content) or _shallow(STRING.sub(b"", content))
        )
    except (ValueError, ArithmeticError, RecursionError, TypeError):
        plain = False
    return Parsed(value) if plain else _carefully(content)


def _named_once(value: object, content: bytes) -> bool:
    """Return whether the outermost object certainly has no key twice."""
    if not isinstance(value, dict):
        return True
    if len(value) > MANY or (b"\\u00" in content and ASCII_ESCAPE.search(content)):
        return False
    return all(content.count(json.dumps(key).encode()) == 1 for key in value)


def _shallow(content: bytes) -> bool:
    """Return whether brackets are nested at most DEEPEST deep; those in strings count too.

    Each turn removes all innermost pairs.
    """
    left = content.translate(ONE_KIND, NO_BRACKETS)
    for _ in range(DEEPEST):
        if not left:
            return True
        left = left.replace(b"[]", b"")
    return not left


def _carefully(content: bytes) -> Parsed:
    parsed = Parsed(None)
    encoding = json.detect_encoding(content)
    try:
        text = content.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        text = content.decode(encoding, "replace")
        parsed.oddities.append(NO_UTF8)
    folded = _folded(text)
    if folded is not text:
        parsed.oddities.append(DEEP)

    def pairs_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        # Objects end from the inside out: the last call is for the outermost one.
        parsed.ambiguous = len(found) != len(pairs)
        return found

    try:
        parsed.value = json.loads(
            folded,
            strict=False,
            parse_float=_fraction,
            parse_int=_integer,
            parse_constant=str,
            object_pairs_hook=pairs_of,
        )
    except (ValueError, RecursionError):  # too deep for a body that was cut short
        return Parsed(None)
    parsed.ambiguous = parsed.ambiguous and isinstance(parsed.value, dict)
    return parsed


def _folded(text: str) -> str:
    """Return the text with each value that is nested too deep as a string of its JSON."""
    parts, depth, begun, done = [], 0, 0, 0
    for found in TOKEN.finditer(text):
        start, end = found.span()
        if text[start] in "[{":
            if depth <= DEEPEST < depth + end - start:
                begun = start + DEEPEST - depth
            depth += end - start
        elif text[start] in "]}":
            if depth > DEEPEST >= depth - (end - start):
                over = start + depth - DEEPEST
                parts += [text[done:begun], json.dumps(text[begun:over])]
                done = over
            depth -= end - start
    return "".join([*parts, text[done:]]) if parts else text


def _fraction(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _integer(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:  # Python reads only some thousand digits
        return text
