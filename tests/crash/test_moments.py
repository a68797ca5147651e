"""The moments of kills are spread over the whole life of a run, and a seed brings them again."""

from __future__ import annotations

import random
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from tests.crash.moments import DELAYS, PAIRS, REQUESTS, Phase, Victim, moments

seeds = st.integers(0, 2**32)


@given(seeds, st.integers(0, 3))
def test_every_victim_is_killed_in_every_phase_before_any_is_again(seed: int, turn: int) -> None:
    drawn = moments(random.Random(seed))
    begin = turn * len(PAIRS)
    pairs = [(each.phase, each.victim) for each in islice(drawn, begin, begin + len(PAIRS))]
    assert sorted(pairs, key=str) == sorted(PAIRS, key=str)


@given(seeds)
def test_a_seed_brings_the_same_moments_again(seed: int) -> None:
    one, other = (list(islice(moments(random.Random(seed)), 50)) for _ in range(2))
    assert one == other


@given(seeds)
def test_the_first_run_lives_until_it_reads(seed: int) -> None:
    first = next(moments(random.Random(seed)))
    assert (first.phase, first.victim) == (Phase.READING, Victim.TAP)


@given(seeds)
def test_a_moment_lies_within_its_phase(seed: int) -> None:
    for each in islice(moments(random.Random(seed)), 50):
        assert 0 <= each.delay <= DELAYS[each.phase]
        assert 1 <= each.requests <= REQUESTS


def test_every_victim_has_its_phases() -> None:
    assert {victim for _, victim in PAIRS} == set(Victim)
    assert {phase for phase, _ in PAIRS} == set(Phase)
