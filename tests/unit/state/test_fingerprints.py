"""Fingerprints: what is new, what changed, what is gone, and how small it all is."""

from __future__ import annotations

import base64
import random
import zlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_emag.state.fingerprints import (
    CHECKSUM,
    DIGEST,
    FORMAT,
    SMALLEST,
    Fingerprints,
    fingerprint,
)

ids = st.integers(-(2**63), 2**63 - 1)
digests = st.binary(min_size=DIGEST, max_size=DIGEST)
knowledge = st.dictionaries(ids, digests)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text()
rows = st.dictionaries(st.text(min_size=1), scalars | st.decimals(allow_nan=False))


@given(knowledge)
def test_packed_fingerprints_come_back(known: dict[int, bytes]) -> None:
    assert Fingerprints.unpack(Fingerprints(known).pack()) == Fingerprints(known)


@given(knowledge, knowledge)
def test_only_the_same_fingerprints_are_equal(
    one: dict[int, bytes], other: dict[int, bytes]
) -> None:
    assert (Fingerprints(one) == Fingerprints(other)) is (one == other)
    assert Fingerprints(one) != one


def bytes_packed(known: dict[int, bytes]) -> int:
    return len(base64.b64decode(Fingerprints(known).pack().partition(":")[2]))


@given(knowledge)
@example({5: bytes(DIGEST), 5 + 127: bytes(DIGEST)})
@example({5: bytes(DIGEST), 5 + 128: bytes(DIGEST)})
def test_each_row_takes_as_few_bytes_as_its_distance_needs(known: dict[int, bytes]) -> None:
    before, needed = SMALLEST, 0
    for key in sorted(known):
        needed += max(1, -(-(key - before).bit_length() // 7)) + DIGEST
        before = key
    assert bytes_packed(known) - bytes_packed({}) == needed
    assert Fingerprints.unpack(Fingerprints(known).pack()) == Fingerprints(known)


@given(knowledge, ids, digests)
def test_a_row_is_new_then_unchanged_then_updated(
    known: dict[int, bytes], key: int, digest: bytes
) -> None:
    known.pop(key, None)
    prints = Fingerprints(known)
    assert prints.change(key, digest) == "created"
    prints.deliver(key, digest)
    assert prints.change(key, digest) is None
    assert prints.change(key, bytes(byte ^ 1 for byte in digest)) == "updated"
    prints.forget(key)
    assert prints == Fingerprints(known)
    prints.forget(key)  # told once more, which a run that goes on after a stop may do
    assert prints == Fingerprints(known)


@given(knowledge, st.sets(ids))
def test_missing_is_what_was_delivered_and_not_seen(
    known: dict[int, bytes], seen: set[int]
) -> None:
    assert Fingerprints(known).missing(seen) == set(known) - seen


@pytest.mark.parametrize("most", [2**24, 2**32])
def test_a_hundred_thousand_offers_take_less_than_a_megabyte_and_a_half(most: int) -> None:
    dice = random.Random(7)
    known = {key: dice.randbytes(DIGEST) for key in dice.sample(range(1, most), 100_000)}
    assert len(Fingerprints(known).pack()) < 1_500_000


@pytest.mark.parametrize(
    "text", ["", "1:AAAA", "2:no base64!", "2:AAAA", None, 5, "2:gICAgA==", "2:"]
)
def test_damaged_text_is_nothing_known_rather_than_something_wrong(text: object) -> None:
    assert Fingerprints.unpack(text) is None


def sealed(packed: bytes) -> str:
    """Write bytes as a text whose checksum is right, whatever they say."""
    checksum = zlib.crc32(packed).to_bytes(CHECKSUM, "big")
    return f"{FORMAT}:{base64.b64encode(checksum + packed).decode()}"


@pytest.mark.parametrize(
    "packed",
    [
        b"\x80",  # ends within a distance
        b"\x05" + bytes(DIGEST - 1),  # ends within a fingerprint
        b"\xff" * 9 + b"\x02" + bytes(DIGEST),  # beyond the largest 64-bit integer
        b"\x80" * 10 + b"\x00" + bytes(DIGEST),  # longer than any distance
        bytes(1 + DIGEST) + b"\x80",
    ],
)
def test_a_text_that_no_fingerprints_have_made_is_damage_whatever_its_checksum(
    packed: bytes,
) -> None:
    assert Fingerprints.unpack(sealed(packed)) is None


@given(knowledge, st.data())
def test_a_stray_character_is_damage(known: dict[int, bytes], data: st.DataObject) -> None:
    text = Fingerprints(known).pack()
    place = data.draw(st.integers(0, len(text)))
    stray = data.draw(st.sampled_from(" !:\n"))
    assert Fingerprints.unpack(text[:place] + stray + text[place:]) is None


@given(rows, ids)
def test_the_fingerprint_of_a_row_is_kept_through_the_text(row: dict[str, Any], key: int) -> None:
    delivered = Fingerprints()
    delivered.deliver(key, fingerprint(row))
    kept = Fingerprints.unpack(delivered.pack())
    assert kept is not None
    assert kept.change(key, fingerprint(row)) is None


@given(rows)
def test_the_order_of_keys_does_not_count(row: dict[str, Any]) -> None:
    assert fingerprint(row) == fingerprint(dict(reversed(row.items())))


@given(rows, st.text(min_size=1), scalars, scalars)
def test_every_other_value_counts(row: dict[str, Any], key: str, one: object, two: object) -> None:
    same = fingerprint(row | {key: one}) == fingerprint(row | {key: two})
    assert same == (one == two and type(one) is type(two))


@given(st.integers(-(10**50), 10**50), st.integers(-2, 2), st.integers(0, 6))
@example(10**40, 1, 2)
def test_every_digit_of_a_number_counts(number: int, more: int, places: int) -> None:
    one, other = (Decimal(f"{digits}e-{places}") for digits in (number, number + more))
    assert (fingerprint({"price": one}) == fingerprint({"price": other})) is (more == 0)


def test_trailing_zeros_do_not_count() -> None:
    assert fingerprint({"price": Decimal("10.0700")}) == fingerprint({"price": Decimal("10.07")})
    assert fingerprint({"price": Decimal("10.0700")}) != fingerprint({"price": Decimal("10.0701")})
