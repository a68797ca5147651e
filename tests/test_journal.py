"""Notes of what was sent come back, whatever has become of the file."""

from __future__ import annotations

import errno
import logging
import os
import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag import journal
from tap_emag.journal import SIZE, Journal, Note, Sent

if TYPE_CHECKING:
    from collections.abc import Iterable

MOMENT = datetime(2026, 3, 1, 12, 30, 0, 7, tzinfo=timezone.utc)
NOTE = Note(0, Sent(b"7654321", "created", MOMENT), 5000)
KEYS = st.integers(-(2**63), 2**63 - 1) | st.integers(1, 4)
# Not the very beginning of 1970, which stands for no time.
TIMES = st.datetimes(datetime(2000, 1, 1), timezones=st.just(timezone.utc))  # noqa: DTZ001
DIGESTS = st.binary(min_size=7, max_size=7)
SENT = st.builds(
    Sent, DIGESTS, st.sampled_from(["created", "updated"]), st.none() | TIMES
) | st.builds(Sent, st.none(), moment=TIMES)
NOTES = st.lists(st.builds(Note, KEYS, st.none() | SENT, st.integers(0, 2**62)))


def write(path: Path, notes: Iterable[Note]) -> None:
    with Journal(path) as kept:
        for note in notes:
            kept.add(note)


def read(path: Path) -> list[Note]:
    return list(Journal(path).read())


@given(NOTES, NOTES)
def test_all_notes_come_back(first: list[Note], second: list[Note]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sent" / "one"
        write(path, first)
        with Journal(path) as kept:
            assert list(kept.read()) == first
            for note in second:
                kept.add(note)
        assert read(path) == first + second


@given(NOTES, st.data())
def test_damage_costs_the_notes_it_touches_and_no_others(
    notes: list[Note], data: st.DataObject
) -> None:
    notes = list({note.key: note for note in notes}.values())
    new = Note(7, Sent(b"7654321", "created"), 1)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "one"
        write(path, notes)
        content = bytearray(path.read_bytes() if notes else b"")
        touched = set()
        for place in data.draw(st.sets(st.integers(0, max(0, len(content) - 1)), max_size=3)):
            if content:
                content[place] ^= data.draw(st.integers(1, 255))
                touched.add(place // SIZE)
        cut = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:cut])
        left = [
            note
            for number, note in enumerate(notes)
            if number not in touched and (number + 1) * SIZE <= cut
        ]
        with Journal(path) as kept:
            kept.tidy_up(10, 10**9)
            assert list(kept.read()) == left
            kept.add(new)
        assert read(path) == [*left, new]


@given(NOTES, st.integers(0, 5), st.integers(0, 2**62))
def test_to_tidy_up_leaves_what_is_unsettled_and_of_the_rest_no_more_than_there_may_be(
    notes: list[Note], rows: int, settled: int
) -> None:
    last = {(note.key, note.sent is None): place for place, note in enumerate(notes)}
    newest = sorted(last.values())[-(2 * rows + 3) :]
    unsettled = [place for place in last.values() if notes[place].number > settled]
    wanted = sorted({*newest, *unsettled})
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "SPARE_NOTES", 3)
        path = Path(folder) / "one"
        write(path, notes)
        Journal(path).tidy_up(rows, settled)
        tidy = len(notes) > 2 * rows + 3
        assert read(path) == ([notes[number] for number in wanted] if tidy else notes)


def test_a_note_is_there_for_others_before_the_journal_is_closed(tmp_path: Path) -> None:
    with Journal(tmp_path / "one") as kept:
        kept.add(NOTE)
        assert read(tmp_path / "one") == [NOTE]


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "sent" / "one"
    write(path, [NOTE])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def many() -> list[Note]:
    moments = (MOMENT + timedelta(number) for number in range(5000))
    return [
        Note(number % 10, Sent(b"1234567", moment=moment), number)
        for number, moment in enumerate(moments)
    ]


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "one"
    write(path, many())
    Journal(path).tidy_up(5000, 10**9)
    assert path.stat().st_size == 5000 * SIZE
    Journal(path).tidy_up(10, 10**9)
    assert path.stat().st_size == 10 * SIZE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read(path) == many()[-10:]
    assert [each.name for each in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("content", ["a file", "a folder"])
def test_where_it_cannot_be_kept_the_run_goes_on_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    path = tmp_path / "sent" / "one"
    if content == "a file":
        (tmp_path / "sent").write_text("no folder")
    else:
        path.mkdir(parents=True)
    with caplog.at_level(logging.WARNING), Journal(path) as kept:
        assert list(kept.read()) == []
        kept.add(NOTE)
        kept.add(NOTE)
    (told,) = [record.getMessage() for record in caplog.records]
    assert str(path) in told
    assert "cannot be kept" in told


def test_a_full_disk_leaves_nothing_that_would_pass_for_the_last_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "one"
    whole = os.write
    with Journal(path) as kept:
        kept.add(NOTE)
        monkeypatch.setattr(os, "write", lambda handle, data: whole(handle, data[:9]))
        kept.add(NOTE)
        kept.add(NOTE)
    assert not path.exists()
    assert "No space left" in caplog.text


def test_a_file_that_somebody_adds_to_is_left_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "one"
    with Journal(path) as other:
        for note in many():
            other.add(note)
        Journal(path).tidy_up(10, 10**9)
        assert path.stat().st_size == 5000 * SIZE
        other.add(NOTE)
    Journal(path).tidy_up(10, 10**9)
    assert read(path) == [*many()[-9:], NOTE]


def test_what_is_added_to_a_torn_file_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "one"
    write(path, [NOTE, NOTE])
    path.write_bytes(path.read_bytes()[:-9])
    write(path, [NOTE])
    assert read(path) == [NOTE, NOTE]


def test_a_full_disk_is_left_as_it_was_by_tidying_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one"
    write(path, many())

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        Journal(path).tidy_up(10, 10**9)
    assert [each.name for each in tmp_path.iterdir()] == ["one"]
    assert read(path) == many()
