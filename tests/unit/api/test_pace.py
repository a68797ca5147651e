"""What refusals cost, played in virtual time against a server that counts strictly.

The shares are those of long runs. A real run of a real server is in `benchmarks/refusals.py`.
"""

from __future__ import annotations

from random import Random
from statistics import mean
from typing import TYPE_CHECKING

import pytest

from tap_emag.settings.kinds import AUTO_SHARE
from tests.support.played_requests import Network, Play

if TYPE_CHECKING:
    from tests.support.played_requests import Played

SEEDS = range(3)
ONE_IN_500 = 1 / 500
modes = pytest.mark.parametrize("mode", ["sliding", "fixed"])


def another_program(rate: float, begin: float, end: float, seed: int) -> list[float]:
    dice = Random(seed)
    return [
        begin + (number + dice.random() / 2) / rate for number in range(int((end - begin) * rate))
    ]


def refused_of_theirs(played: Played, begin: float, end: float) -> int:
    return sum(begin <= each < end for each in played.theirs_refused)


@modes
@pytest.mark.parametrize("latency", [0.1, 0.25, 0.5, 1.0, 2.0])
def test_whatever_the_latency_the_booked_rate_is_used(mode: str, latency: float) -> None:
    for seed in SEEDS:
        played = Play(0.9, mode, Network(latency), seed=seed).run(120)
        assert played.rate(5) >= 0.99 * 10.8
        assert played.refusals() <= ONE_IN_500


@modes
def test_where_the_way_is_longer_at_times_a_refusal_costs_little(mode: str) -> None:
    runs = [Play(0.9, mode, Network(detour=0.05), seed=seed).run(180) for seed in SEEDS]
    assert mean(run.rate(5) for run in runs) >= 0.97 * 10.8
    assert mean(run.refusals() for run in runs) <= ONE_IN_500


@modes
def test_one_burst_of_another_program_costs_a_minute_at_most_a_twentieth(mode: str) -> None:
    for seed in SEEDS:
        played = Play(0.9, mode, Network(), seed=seed).run(60, [10.0] * 3)
        assert played.rate(1) >= 0.95 * 10.8


@modes
@pytest.mark.parametrize("share", [0.9, AUTO_SHARE])
@pytest.mark.parametrize("rate", [2, 4])
def test_what_another_program_leaves_is_used_with_few_refusals(
    mode: str, share: float, rate: float
) -> None:
    runs = []
    for seed in SEEDS:
        play = Play(share, mode, Network(jitter=0.02), seed=seed)
        runs.append(play.run(300, another_program(rate, 30, 300, seed)))
    assert mean(run.rate(90) for run in runs) >= 0.75 * (12 - rate)
    assert mean(run.refusals(90) for run in runs) <= 1.5 * ONE_IN_500
    # Within two seconds the tap gives way. Then it looks for the rate that is left.
    for run in runs:
        assert sum(32 <= each < 42 for each in run.answered) <= 10 * (12 - rate)
    assert mean(refused_of_theirs(run, 32, 42) for run in runs) <= 0.15 * 10 * rate
    assert mean(refused_of_theirs(run, 42, 300) for run in runs) <= 0.02 * 258 * rate


@modes
def test_alone_the_automatic_share_finds_the_rest_of_the_budget(mode: str) -> None:
    for seed in SEEDS:
        network = Network(jitter=0.02, hiccup=0.1)
        played = Play(AUTO_SHARE, mode, network, seed=seed).run(120)
        assert played.rate(5) >= 0.965 * 12
        assert played.refusals() <= ONE_IN_500


@modes
def test_on_a_long_way_the_automatic_share_settles_where_little_is_refused(mode: str) -> None:
    runs = [Play(AUTO_SHARE, mode, Network(), seed=seed).run(300) for seed in SEEDS]
    assert mean(run.rate(60) for run in runs) >= 0.88 * 12
    assert mean(run.refusals(60) for run in runs) <= 1.5 * ONE_IN_500


@modes
@pytest.mark.parametrize(("a_minute", "refused"), [(20, 0.05), (100, 0.03), (400, 0.03)])
def test_a_budget_lower_than_documented_is_found_and_kept(
    mode: str, a_minute: int, refused: float
) -> None:
    played = Play(0.9, mode, Network(), a_minute=a_minute).run(900)
    assert 0.2 * a_minute <= 60 * played.rate(300) <= 1.01 * a_minute
    assert played.refusals(300) <= refused


def test_a_server_that_refuses_everything_is_asked_ever_more_rarely() -> None:
    played = Play(0.9, "sliding", Network(), a_minute=1).run(600)
    asked = [each for each in (*played.refused, *played.answered) if each > 60]
    assert len(asked) <= 0.3 * 540
