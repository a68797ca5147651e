"""Exit codes for scripts, and messages that say what to write instead."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_emag.errors import ConfigurationError
from tap_emag.formatting import duration, table
from tap_emag.ops.options import timeout

if TYPE_CHECKING:
    from tests.unit.ops.booked import Books

COMMANDS = ["list-runs", "cleanup-stuck-runs"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--timeout-minutes", "4"), "--timeout-minutes: '4' will not do; write minutes, from 5"),
        (("--timeout-minutes", "61"), "add --force for 0 to 10080"),
        (("--timeout-minutes", "soon"), "--timeout-minutes: 'soon' will not do"),
        (("--timeout-minutes", "nan"), "--timeout-minutes: 'nan' will not do"),
        (("--timeout-minutes", "-1", "--force"), "write minutes, from 0 to 10080"),
        (("--no-such-option",), "No such option"),
    ],
)
def test_a_wrong_option_is_told_and_ends_with_2(
    sqlite_books: Books, words: tuple[str, ...], problem: str
) -> None:
    sqlite_books.book(minutes=30)
    before = sqlite_books.everything()
    assert problem in sqlite_books.call("cleanup-stuck-runs", *words, code=2)
    assert sqlite_books.everything() == before


def test_a_wrong_variable_is_named(sqlite_books: Books) -> None:
    sqlite_books.environment["EMAG_OPS_TIMEOUT_MINUTES"] = "1"
    message = sqlite_books.spawn("cleanup-stuck-runs", code=2)
    assert message.startswith("emag-ops: EMAG_OPS_TIMEOUT_MINUTES: '1' will not do")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("uri", ["mysql://u:hidden-word@h/d", "hidden-word", "sqlite://"])
def test_a_database_of_another_kind_ends_with_2(
    sqlite_books: Books, command: str, uri: str
) -> None:
    sqlite_books.environment["MELTANO_DATABASE_URI"] = uri
    message = sqlite_books.call(command, code=2)
    assert "MELTANO_DATABASE_URI: is not the address of a SQLite or Postgres database" in message
    assert "hidden-word" not in message


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("sqlite:////nowhere/meltano.db", "there is no database /nowhere/meltano.db"),
        ("sqlite:///{root}/empty.db", "has no table `runs`"),
        ("sqlite:///{root}/meltano.yml", "does not answer: file is not a database"),
        ("postgresql://u:hidden-word@127.0.0.1:1/d", "does not answer"),
        ("postgresql+psycopg2://u:hidden-word@127.0.0.1:1/d", "does not answer"),
    ],
)
def test_a_database_that_cannot_be_read_ends_with_1(
    sqlite_books: Books, command: str, uri: str, problem: str
) -> None:
    (sqlite_books.root / "empty.db").touch()
    sqlite_books.environment["MELTANO_DATABASE_URI"] = uri.format(root=sqlite_books.root)
    message = sqlite_books.call(command, code=1)
    assert problem in message
    assert "Traceback" not in message
    assert "hidden-word" not in message


def test_a_database_that_is_not_there_is_told_in_one_line(sqlite_books: Books) -> None:
    sqlite_books.environment["MELTANO_DATABASE_URI"] = "sqlite:////nowhere/meltano.db"
    [line] = sqlite_books.spawn("list-runs", code=1).splitlines()
    assert line.startswith("emag-ops: there is no database /nowhere/meltano.db; ")


def test_without_a_project_it_says_how_to_be_called(sqlite_books: Books) -> None:
    del sqlite_books.environment["MELTANO_PROJECT_ROOT"]
    (sqlite_books.root / "meltano.yml").unlink()
    assert "meltano invoke emag-ops" in sqlite_books.spawn("list-runs", code=2)


def test_in_a_projects_folder_no_meltano_is_needed(sqlite_books: Books) -> None:
    run = sqlite_books.book(minutes=30, heartbeat=20)
    sqlite_books.log_of(run).write_text("so far\n")
    for name in ("MELTANO_PROJECT_ROOT", "MELTANO_SYS_DIR_ROOT"):
        del sqlite_books.environment[name]
    report = json.loads(sqlite_books.spawn("cleanup-stuck-runs", "--json"))
    assert [each["id"] for each in report["cleaned"]] == [run.id]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_its_options(sqlite_books: Books, command: str) -> None:
    assert command in sqlite_books.spawn("--help")
    assert "--state-id" in sqlite_books.spawn(command, "--help")


@given(st.floats(), st.booleans())
def test_a_limit_is_within_its_range_or_refused(minutes: float, force: bool) -> None:
    low, high = (0, 10080) if force else (5, 60)
    if low <= minutes <= high:
        assert timeout(str(minutes), force=force) == timedelta(minutes=minutes)
    else:
        with pytest.raises(ConfigurationError):
            timeout(str(minutes), force=force)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=999)))
def test_a_duration_in_words_is_exact_to_its_second_unit(span: timedelta) -> None:
    sizes = {"s": 1, "min": 60, "h": 3600, "d": 86400}
    words = duration(span).split()
    told = sum(int(n) * sizes[unit] for n, unit in zip(words[::2], words[1::2], strict=True))
    lost = span.total_seconds() - told
    smaller = {"d": 3600, "h": 60, "min": 1, "s": 1}[words[1]]
    assert -0.5 <= lost < smaller


@given(st.lists(st.tuples(st.text("ab 1", max_size=5), st.integers(0, 99999).map(str))))
def test_columns_of_a_table_stand_below_each_other(body: list[tuple[str, str]]) -> None:
    lines = list(table(("name", "number"), body))
    assert len(lines) == len(body) + 2
    width = len(lines[1])
    for (_, number), line in zip(body, lines[2:], strict=True):
        assert len(line) == width
        assert line.endswith(number)
