"""Files with passwords are removed when their run is over, and never before."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tap_emag.ops.meltano.leftover_configs import left_behind

if TYPE_CHECKING:
    from tests.unit.ops.booked import Actors, Books


@pytest.mark.parametrize("plugin", ["tap-emag-orders", "target-postgres"])
def test_a_file_of_a_run_that_is_over_is_removed(books: Books, plugin: str) -> None:
    books.book(minutes=30, state="FAIL", heartbeat=20, ended=15)
    path = books.config(plugin, age=60 * 29)
    assert books.clean_up("--dry-run")["removed_files"] == [str(path)]
    assert books.clean_up()["removed_files"] == [str(path)]
    assert not path.exists()


def test_a_file_of_a_run_that_is_under_way_stays(books: Books) -> None:
    books.book(minutes=30, state="FAIL", heartbeat=20, ended=15)
    books.book("dev:tap-emag-orders-to-target-other", minutes=31)
    path = books.config("tap-emag-orders", age=60 * 29)
    assert books.clean_up("--timeout-minutes", "60")["removed_files"] == []
    assert path.exists()


@pytest.mark.parametrize("minutes", [31, 19])
def test_a_file_that_no_run_can_have_written_stays(books: Books, minutes: float) -> None:
    books.book(minutes=30, state="FAIL", heartbeat=20, ended=15)
    books.config("tap-emag-orders", age=60 * minutes)
    books.config("tap-emag", age=60 * 29)
    assert left_behind(books.place, books.runs, books.own) == []


def test_other_files_of_plugins_stay(books: Books) -> None:
    books.book(minutes=30, state="FAIL", heartbeat=20, ended=15)
    folder = books.config("tap-emag-orders", age=60 * 31).parent
    for name in ("tap.properties.json", "state.json", "tap.singer_sdk_logging.json"):
        (folder / name).write_text("{}")
        moment = time.time() - 60 * 29
        os.utime(folder / name, (moment, moment))
    assert left_behind(books.place, books.runs, books.own) == []


def test_a_file_that_a_process_names_stays(sqlite_books: Books, actors: Actors) -> None:
    run = sqlite_books.book(minutes=30, state="FAIL", heartbeat=20, ended=15)
    path = sqlite_books.config("tap-emag-orders", age=60 * 29)
    assert left_behind(sqlite_books.place, sqlite_books.runs, sqlite_books.own) == [path]
    actors.orphan(run, path)
    sqlite_books.write(run, last_heartbeat_at=None)
    assert left_behind(sqlite_books.place, sqlite_books.runs, sqlite_books.own) == []


def test_a_file_stays_while_a_meltano_lives_that_is_older(
    sqlite_books: Books, actors: Actors
) -> None:
    # It may have written the file and not have started the plugin yet.
    other = sqlite_books.book("dev:other-to-target", state="SUCCESS", ended=0)
    over = sqlite_books.book(minutes=1, state="FAIL", ended=0)
    path = sqlite_books.config("tap-emag-orders", age=2)
    actors.meltano(other)
    assert left_behind(sqlite_books.place, sqlite_books.runs, sqlite_books.own) == [path]
    os.utime(path)
    sqlite_books.write(over, ended_at=None)
    assert left_behind(sqlite_books.place, sqlite_books.runs, sqlite_books.own) == []
