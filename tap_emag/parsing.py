"""From the bytes of a reply to what they say, whatever they are: nothing in them may stop a run.

A good reply, and nearly all are, goes the fast way: msgspec reads it, and two cheap looks make sure
that it says what it seems to say. Anything odd goes the careful way, where it is read so that
nothing of it is lost:

* a key that an object names twice: the last value has the name, as in PHP and Postgres, and earlier
  ones are kept under the name and an underscore;
* what is nested deeper than anything downstream can hold: the deep part becomes its own JSON text;
* a number that Python cannot hold, NaN and Infinity: its text;
* bytes that are no UTF-8: U+FFFD, each.
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
TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]+|[\]}]+', re.DOTALL)
TWICE = "names a key twice in one object; earlier values are kept under the key and `_`"
DEEP = f"is nested more than {DEEPEST} levels deep; what lies deeper is kept as text"
NO_UTF8 = "holds bytes that are no UTF-8; each of them is read as U+FFFD"

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder()


@dataclass
class Parsed:
    """What a body says: `value` is None when it is no JSON.

    `oddities` are sentences to follow "the reply", without contents. `ambiguous` tells that the
    outermost object names a key twice, so that nobody knows which value counts.
    """

    value: Any
    oddities: list[str] = field(default_factory=list)
    ambiguous: bool = False


def parse(content: bytes) -> Parsed:
    """Read a body: numbers with a fraction exactly, nested at most DEEPEST levels deep."""
    try:
        value = _decoder.decode(content)
        # A key that came twice is in the value once, so that a colon is missing; and a colon that
        # was written as an escape makes one more. Either way it is worth a careful look.
        plain = content.count(b":") == _encoder.encode(value).count(b":") and (
            _shallow(content) or _shallow(STRING.sub(b"", content))
        )
    except (ValueError, ArithmeticError, RecursionError, TypeError):
        plain = False
    return Parsed(value) if plain else _carefully(content)


def _shallow(content: bytes) -> bool:
    """Tell whether brackets lie within each other at most DEEPEST deep; those in strings count too.

    Each turn takes the innermost pairs away, however many there are.
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
        # Objects end from the inside out, so the last call tells of the outermost.
        parsed.ambiguous = len(found) != len(pairs)
        if parsed.ambiguous:
            found = _kept_apart(pairs, found)
            if TWICE not in parsed.oddities:
                parsed.oddities.append(TWICE)
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
    """Return the text with each value that lies too deep written as a string of its JSON."""
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


def _kept_apart(pairs: list[tuple[str, Any]], last: dict[str, Any]) -> dict[str, Any]:
    found = dict(last)
    position = {key: index for index, (key, _) in enumerate(pairs)}
    for index, (key, value) in enumerate(pairs):
        if index != position[key]:
            name = key + "_"
            while name in found:
                name += "_"
            found[name] = value
    return found


def _fraction(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _integer(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:  # Python reads no more than some thousand digits
        return text
