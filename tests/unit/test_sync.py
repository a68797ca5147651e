"""Streams of different budgets are read side by side; one that fails alone leaves the others be."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.errors import (
    ContractError,
    CredentialsError,
    EmagError,
    ForbiddenError,
    StallError,
    TransientError,
)
from tap_emag.sync import sync
from tap_emag.watchdog import Watchdog
from tests.support.command import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Stream:
    def __init__(self, name: str, act: Callable[[], object]) -> None:
        self.name = name
        self.act = act
        self.ended = False
        self.child_failures: list[EmagError] = []

    def sync(self) -> None:
        self.act()

    def finalize_state_progress_markers(self) -> None:
        self.ended = True


class Observer:
    def sync(self, _stream: Stream) -> nullcontext[None]:
        return nullcontext()


def fail(error: Exception) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act


def buckets(*streams: list[Stream]) -> list[list[Stream]]:
    return list(streams)


def synced(*streams: list[Stream]) -> Exception | None:
    try:
        sync(buckets(*streams), Watchdog(), Observer())  # type: ignore[arg-type]  # all that is used
    except Exception as error:  # noqa: BLE001
        return error
    return None


@pytest.mark.timing
def test_buckets_run_in_parallel_and_their_streams_in_turn() -> None:
    told: list[str] = []

    def slow(name: str) -> Callable[[], object]:
        def act() -> None:
            told.append(f"{name} begins")
            time.sleep(0.2)
            told.append(f"{name} ends")

        return act

    begun = time.monotonic()
    assert (
        synced([Stream("a", slow("a")), Stream("b", slow("b"))], [Stream("c", slow("c"))]) is None
    )
    assert time.monotonic() - begun < 0.55
    assert [item for item in told if item[0] != "c"] == ["a begins", "a ends", "b begins", "b ends"]
    assert set(told[:2]) == {"a begins", "c begins"}


def test_no_bucket_is_fine() -> None:
    assert synced() is None


def test_a_stream_that_makes_no_sense_is_told_and_the_others_are_read() -> None:
    after = Stream("after", lambda: None)
    error = synced([Stream("bad", fail(ContractError("odd"))), after])
    assert isinstance(error, ContractError)
    assert after.ended


def test_a_stream_whose_resource_is_refused_leaves_the_others_be() -> None:
    after = Stream("after", lambda: None)
    error = synced([Stream("bad", fail(ForbiddenError("no right"))), after])
    assert isinstance(error, ForbiddenError)
    assert error.exit_code == 1
    assert after.ended


def test_a_child_that_fails_by_itself_decides_the_exit_code() -> None:
    parent, after = Stream("parent", lambda: None), Stream("after", lambda: None)
    parent.child_failures.append(TransientError("the helpers' host is down"))
    error = synced([parent, after])
    assert isinstance(error, TransientError)
    assert parent.ended
    assert after.ended


def test_a_refusal_ends_all_buckets_in_order() -> None:
    watchdog = Watchdog()

    def until_told() -> None:
        while True:
            watchdog.pause(0.05)

    after, other = Stream("after", lambda: None), Stream("other", until_told)
    refused = Stream("refused", fail(CredentialsError("no")))
    with pytest.raises(EmagError) as caught:
        sync(buckets([refused, after], [other]), watchdog, Observer())  # type: ignore[arg-type]
    assert isinstance(caught.value, CredentialsError)
    assert not after.ended
    assert not other.ended


def test_a_defect_is_raised_as_it_is() -> None:
    assert isinstance(synced([Stream("bad", fail(KeyError("x")))]), KeyError)


def test_the_first_reason_is_the_one_that_is_raised() -> None:
    error = synced([Stream("a", fail(StallError("stalled")))], [Stream("b", fail(StallError("s")))])
    assert isinstance(error, StallError)


@pytest.mark.timing
def test_both_budgets_are_used_at_once(tmp_path: Path) -> None:
    config = SandboxConfig(orders=2500, offers=900, history_days=200, type2_share=0, latency=0.1)
    with Sandbox(config) as sandbox:
        ended = run(tmp_path, sandbox, order_types=[3])
        assert ended.code == 0
        spans = {}
        for bucket in ("orders", "other"):
            sent = [request.time for request in sandbox.log if request.bucket == bucket]
            spans[bucket] = (sent[0], sent[-1])
        together = min(end for _, end in spans.values()) - max(begin for begin, _ in spans.values())
        assert together > 0.7 * min(end - begin for begin, end in spans.values())
        assert Counter(request.status for request in sandbox.log).keys() == {200}
        assert (ended.counts["orders"], ended.counts["products"]) == (2500, 900)
