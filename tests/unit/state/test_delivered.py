"""Whatever becomes of runs and of states, each target ends as the source is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tap_emag.state import journal
from tap_emag.state.delivered import DeliveredRows
from tap_emag.state.fingerprints import Fingerprints, fingerprint
from tap_emag.state.journal import KEPT_DAYS, Sent
from tap_emag.state.store import StateStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KEYS = st.integers(1, 4)
WHICH = st.sampled_from([0, 0, 0, 1])
START = datetime(2026, 3, 1, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
FOLDER = TemporaryDirectory()
STORE = StateStore(Path(FOLDER.name))
Message = tuple[int, int | None, datetime]  # a key, its version or its end, and the time of that


def digest(version: int) -> bytes:
    return fingerprint({"version": version})


@dataclass
class Pipeline:
    """A target, and the states that runs into it have left."""

    target: dict[int, int] = field(default_factory=dict)
    ends: set[int] = field(default_factory=set)  # keys whose end was told last
    told: dict[tuple[int, datetime], int | None] = field(default_factory=dict)  # what was, when
    state: dict[str, Any] = field(default_factory=dict)
    kept: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    whole: bool = False
    # Whether an end may stay untold: a run that had no state was killed, or the state was lost.
    unsure: bool = False

    def load(self, messages: Iterable[Message]) -> int:
        number = 0
        for key, version, moment in messages:
            number += 1
            assert self.told.setdefault((key, moment), version) == version, "written over another"
            if version is None:
                self.ends.add(key)
            else:
                self.target[key] = version
                self.ends.discard(key)
        return number


class Machine(RuleBasedStateMachine):
    """A list, and two pipelines whose runs end or are killed."""

    def __init__(self) -> None:
        super().__init__()
        self._store = STORE  # of all examples: to make one takes time
        self.source: dict[int, int] = {}
        self.pipelines = [Pipeline(), Pipeline()]
        self.now = START
        self.midst = False  # whether a run leaves states while it is under way

    def teardown(self) -> None:
        self._store.execute("DELETE FROM sent_rows")

    @rule(key=KEYS, version=st.integers(0, 2))
    def change(self, key: int, version: int) -> None:
        self.source[key] = version
        self._moved()

    @rule(key=KEYS)
    def withdraw(self, key: int) -> None:
        self.source.pop(key, None)
        self._moved()

    @rule(which=WHICH, sent=st.integers(0, 6), loaded=st.integers(0, 6), kept=st.booleans())
    def run_and_be_killed(self, which: int, sent: int, loaded: int, *, kept: bool) -> None:
        """So much is written, and so much of it arrives; or all, and a state that came with it."""
        pipeline = self.pipelines[which]
        pipeline.unsure |= not pipeline.state
        state, self.midst = dict(pipeline.state), kept
        messages = list(islice(self._messages(state), sent))
        self.midst = False
        pipeline.load(messages if kept else messages[:loaded])
        if kept:
            pipeline.state = state
            pipeline.kept.append(state)
        pipeline.whole = False

    @rule(which=WHICH)
    def run(self, which: int) -> None:
        pipeline = self.pipelines[which]
        state = dict(pipeline.state)
        pipeline.load(self._messages(state))
        pipeline.state = state
        pipeline.kept.append(state)
        pipeline.whole = True

    @rule()
    def run_all_until_they_rest(self) -> None:
        """No pipeline makes another one write what has not changed."""
        for which in (0, 1, 0, 1):
            self.run(which)
        for pipeline in self.pipelines:
            assert pipeline.load(self._messages(dict(pipeline.state))) == 0

    @rule(which=WHICH, place=st.integers(0, 9))
    def lose_the_state_or_bring_one_back(self, which: int, place: int) -> None:
        pipeline = self.pipelines[which]
        pipeline.state = pipeline.kept[place % len(pipeline.kept)]
        if not pipeline.state:
            pipeline.kept = [{}]
            pipeline.unsure = True
        pipeline.whole = False

    @invariant()
    def after_a_whole_run_the_target_is_as_the_source(self) -> None:
        for pipeline in self.pipelines:
            if pipeline.whole:
                assert {key: pipeline.target[key] for key in self.source} == self.source
                assert not pipeline.ends & self.source.keys()
                if not pipeline.unsure:
                    assert pipeline.target.keys() - self.source.keys() <= pipeline.ends

    def _moved(self) -> None:
        for pipeline in self.pipelines:
            pipeline.whole = False

    def _messages(self, state: dict[str, Any]) -> Iterator[Message]:
        self.now += SECOND
        delivered = DeliveredRows(self._store, "some", state, "rows")
        for key, version in sorted(self.source.items()):
            if self.midst:
                state |= delivered.bookmark()
            if delivered.change(key, digest(version)):
                new = Sent(digest(version), "updated", self.now)
                sent = delivered.unsettled(key, digest(version)) or new
                delivered.deliver(key, digest(version), sent)
                yield key, version, sent.moment or self.now
        for key in sorted(delivered.missing(self.source)):
            before = delivered.unsettled(key, None)
            moment = before.moment if before and before.moment else self.now
            delivered.deliver_deletion(key, moment)
            yield key, None, moment
        delivered.settle()
        state |= delivered.bookmark()


TestLedger = Machine.TestCase
TestLedger.settings = settings(max_examples=400, stateful_step_count=30, deadline=None)


@pytest.fixture
def state(store: StateStore) -> dict[str, Any]:
    """What a run has left that wrote version 0 of the keys 1 and 2."""
    found: dict[str, Any] = {}
    delivered = DeliveredRows(store, "some", found, "rows")
    for key in (1, 2):
        delivered.deliver(key, digest(0), Sent(digest(0), "created", START))
    return found | delivered.bookmark()


def test_what_a_killed_run_has_told_is_known_to_the_next(
    store: StateStore, state: dict[str, Any]
) -> None:
    sent, last = Sent(digest(1), "updated", START + SECOND / 7), START + SECOND
    delivered = DeliveredRows(store, "some", state, "rows")
    delivered.deliver(1, digest(1), sent)
    delivered.deliver_deletion(2, last)
    assert delivered.unsettled(1, digest(1)) is None, "it is no run that was killed"
    delivered = DeliveredRows(store, "some", state, "rows")
    assert delivered.latest == last
    assert delivered.unsettled(1, digest(1)) == sent
    assert delivered.unsettled(1, digest(0)) is None
    assert delivered.unsettled(2, None) == Sent(None, moment=last)
    assert delivered.unsettled(2, digest(0)) is None
    assert delivered.change(1, digest(0)) == "updated"
    assert delivered.change(2, digest(0)) == "updated"
    assert delivered.missing({1}) == {2}
    assert len(delivered) == 2


def test_of_what_a_killed_run_has_sent_nothing_is_tidied_away(
    store: StateStore, state: dict[str, Any]
) -> None:
    """A shop of two offers that gets thousands, all sent by a run that was killed."""
    many = range(3, 3 * journal.SPARE_NOTES)
    delivered = DeliveredRows(store, "some", state, "rows")
    for key in (1, *many):
        delivered.deliver(key, digest(1), Sent(digest(1), "created", START + SECOND))
    delivered = DeliveredRows(store, "some", state, "rows")
    assert delivered.doubtful() == {1, *many}
    assert delivered.change(1, digest(0)) == "updated"


def test_what_the_state_stands_for_is_settled(store: StateStore, state: dict[str, Any]) -> None:
    delivered = DeliveredRows(store, "some", state, "rows")
    for key in (1, 2):
        assert delivered.change(key, digest(0)) is None
        assert delivered.unsettled(key, digest(0)) is None
    assert delivered.missing({1, 2}) == set()
    assert delivered.latest is None


def test_what_a_killed_run_has_sent_stays_unsettled_until_it_is_met_again(
    store: StateStore, state: dict[str, Any]
) -> None:
    sent = Sent(digest(1), "updated", START + SECOND)
    delivered = DeliveredRows(store, "some", state, "rows")
    for key in (1, 2):
        delivered.deliver(key, digest(1), sent)
    delivered = DeliveredRows(store, "some", state, "rows")
    delivered.deliver(1, digest(1), delivered.unsettled(1, digest(1)))
    midst = state | delivered.bookmark()
    assert delivered.unsettled(2, digest(1)) == sent
    delivered.deliver(2, digest(1), sent)
    whole = state | delivered.bookmark()
    delivered = DeliveredRows(store, "some", midst, "rows")
    assert delivered.unsettled(2, digest(1)) == sent
    delivered = DeliveredRows(store, "some", whole, "rows")
    assert delivered.change(2, digest(1)) is None
    assert delivered.unsettled(2, digest(1)) is None


def test_a_row_that_makes_no_sense_any_more_does_not_unsettle_others_for_ever(
    store: StateStore, state: dict[str, Any]
) -> None:
    delivered = DeliveredRows(store, "some", state, "rows")
    delivered.deliver(1, digest(1))
    delivered = DeliveredRows(store, "some", state, "rows")
    delivered.deliver(2, digest(1))  # and nothing is known of the first one
    delivered.settle()
    state |= delivered.bookmark()
    delivered = DeliveredRows(store, "some", state, "rows")
    assert delivered.change(2, digest(1)) is None


def test_another_host_that_has_kept_the_state_leaves_nothing_unsettled_here(
    tmp_path: Path, store: StateStore, state: dict[str, Any]
) -> None:
    delivered = DeliveredRows(StateStore(tmp_path / "of another host"), "some", state, "rows")
    delivered.deliver(1, digest(1), Sent(digest(1), "updated", START + SECOND))
    state |= delivered.bookmark()
    delivered = DeliveredRows(store, "some", state, "rows")
    assert delivered.unsettled(1, digest(0)) is None
    assert delivered.change(1, digest(1)) is None
    assert delivered.change(1, digest(0)) == "updated"
    assert delivered.change(2, digest(0)) is None


def test_what_a_killed_run_has_marked_is_known_to_the_next_and_to_no_other(
    store: StateStore, state: dict[str, Any]
) -> None:
    delivered = DeliveredRows(store, "some", state, "rows")
    delivered.mark(7)
    delivered.deliver(1, digest(1))
    delivered.mark(1)
    assert delivered.marked == set()
    delivered = DeliveredRows(store, "some", state, "rows")
    assert delivered.marked == {1, 7}
    assert delivered.doubtful() == {1}
    delivered.settle()
    state |= delivered.bookmark()
    delivered = DeliveredRows(store, "some", state, "rows")
    assert delivered.marked == set()


def test_pipelines_know_nothing_of_each_other(store: StateStore, state: dict[str, Any]) -> None:
    other: dict[str, Any] = {}
    delivered = DeliveredRows(store, "some", other, "rows")
    assert delivered.change(1, digest(0)) == "created"
    assert delivered.unsettled(1, digest(0)) is None
    assert delivered.missing(()) == set()
    assert other["pipeline"] != state["pipeline"]


def test_a_copy_of_a_state_is_another_pipeline(
    store: StateStore, state: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MELTANO_ENVIRONMENT", "prod")
    delivered = DeliveredRows(store, "some", dict(state), "rows")
    delivered.deliver(1, digest(1), Sent(digest(1), "updated", START + SECOND))
    monkeypatch.setenv("MELTANO_ENVIRONMENT", "dev")
    delivered = DeliveredRows(store, "some", dict(state), "rows")
    assert delivered.change(1, digest(0)) is None


def test_old_journals_are_swept_when_a_new_state_begins(
    store: StateStore, state: dict[str, Any]
) -> None:
    def lists() -> int:
        with store.read_only() as kept:
            [number] = kept.execute("SELECT count(DISTINCT pipeline) FROM sent_rows").fetchone()
        return int(number)

    store.execute("UPDATE sent_rows SET noted = noted - ?", ((KEPT_DAYS + 1) * 86_400,))
    DeliveredRows(store, "some", state, "rows")
    assert lists() == 1
    DeliveredRows(store, "some", {}, "rows")
    assert lists() == 0


def test_a_state_from_before_there_were_journals_is_used(store: StateStore) -> None:
    state = {"rows": Fingerprints({1: digest(0)}).pack()}
    delivered = DeliveredRows(store, "some", state, "rows")
    assert delivered.change(1, digest(0)) is None
    assert delivered.missing(()) == {1}
    assert delivered.latest is None
