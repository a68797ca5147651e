"""Fingerprints: what is new, what changed, what is gone, and how small it all is."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag.changes import DIGEST, Fingerprints, fingerprint

ids = st.integers(-(2**63), 2**63 - 1)
digests = st.binary(min_size=DIGEST, max_size=DIGEST)
knowledge = st.dictionaries(ids, digests)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text()
rows = st.dictionaries(st.text(min_size=1), scalars | st.decimals(allow_nan=False))


@given(knowledge)
def test_packed_fingerprints_come_back(known: dict[int, bytes]) -> None:
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


@pytest.mark.parametrize("text", ["", "2:AAAA", "1:no base64!", "1:AAAA", None, 5, "1:gICAgA=="])
def test_damaged_text_is_nothing_known_rather_than_something_wrong(text: object) -> None:
    assert Fingerprints.unpack(text) is None


@given(rows)
def test_the_order_of_keys_does_not_count(row: dict[str, Any]) -> None:
    assert fingerprint(row) == fingerprint(dict(reversed(row.items())))


@given(rows, st.text(min_size=1), scalars, scalars)
def test_every_other_value_counts(row: dict[str, Any], key: str, one: object, two: object) -> None:
    same = fingerprint(row | {key: one}) == fingerprint(row | {key: two})
    assert same == (one == two and type(one) is type(two))


def test_trailing_zeros_do_not_count() -> None:
    assert fingerprint({"price": Decimal("10.0700")}) == fingerprint({"price": Decimal("10.07")})
    assert fingerprint({"price": Decimal("10.0700")}) != fingerprint({"price": Decimal("10.0701")})
