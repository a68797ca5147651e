"""What Meltano writes, and why a run failed according to it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emag_meltano.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.meltano_project import MeltanoProject

SAYS = "password: is missing; set it, or TAP_EMAG_PASSWORD"


def line(text: str, **more: Any) -> str:  # noqa: ANN401 - JSON
    """Return a line as Meltano writes it when it is told to write JSON."""
    return json.dumps({"level": "info", **more, "event": text}) + "\n"


def of_tap(text: str) -> str:
    return line(text, name="tap-emag", stdio="stderr", producer=True)


def of_loader(text: str) -> str:
    return line(text, name="target-postgres", stdio="stderr", consumer=True)


def critical(text: str) -> str:
    """Return a line of the tap's as it comes when the tap writes JSON, too."""
    return of_tap(json.dumps({"level": "critical", "message": text}))


def ended(**codes: int) -> str:
    return line("Block run completed", level="error", exit_codes=codes, err="… failed")


def failure(*lines: str) -> tuple[tuple[str, ...], bool]:
    output = Output()
    for each in lines:
        output.read(each)
    found = output.failure()
    return found.problems, found.permanent


@pytest.mark.parametrize(
    ("code", "permanent"), [(1, False), (2, True), (3, True), (4, False), (5, False), (143, False)]
)
def test_only_settings_and_refusals_are_not_worth_another_try(code: int, permanent: bool) -> None:
    assert failure(of_tap("begins"), critical(SAYS), ended(extractors=code)) == ((SAYS,), permanent)


def test_every_critical_line_is_told_and_nothing_else() -> None:
    lines = [of_tap("begins"), critical("one"), of_tap("ends"), critical("two")]
    assert failure(*lines, ended(extractors=2))[0] == ("one", "two")


def test_a_tap_that_tells_no_levels_is_quoted_with_its_last_words() -> None:
    usual = [of_tap("tap-emag v0.1.0, Meltano SDK v0.54.9"), of_tap('METRIC: {"value": 1}')]
    lines = [*usual, of_tap(SAYS), of_tap(" "), of_loader("all is well")]
    assert failure(*lines, ended(extractors=2)) == ((SAYS,), True)


def test_a_loader_that_fails_is_quoted_and_the_tap_beside_it() -> None:
    assert failure(of_loader("no disk"), ended(loaders=1)) == (("no disk",), False)
    lines = [of_loader("no disk"), critical("the target has closed the pipe")]
    both = failure(*lines, ended(extractors=1, loaders=1))
    assert both == (("the target has closed the pipe", "no disk"), False)


def test_a_utility_that_fails_is_quoted() -> None:
    lines = [line("no such table", name="emag-ops", stdio="stderr"), ended()]
    assert failure(*lines) == (("no such table",), False)


def test_meltanos_own_refusals_are_quoted() -> None:
    begin = "2026-11-25T16:20:10.730060Z [info     ] meltano      Meltano 4.4.1, Linux\n"
    assert failure(begin, "Error: Block nothere not found\n") == (
        ("Error: Block nothere not found",),
        False,
    )
    assert failure(begin, line("Already running", level="error")) == (("Already running",), False)
    assert failure(begin) == (("meltano failed and does not say why",), False)


def test_lines_keep_their_level_and_their_writer() -> None:
    read = Output().read(critical(SAYS))
    assert (read.level, read.source, read.text) == (logging.CRITICAL, "tap-emag", SAYS)
    read = Output().read("2026-11-25T16:20:10Z [warning  ] meltano      No state was found\n")
    assert (read.level, read.source, read.text) == (
        logging.WARNING,
        "meltano",
        "No state was found",
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
keys = st.sampled_from(["event", "level", "name", "exit_codes", "producer", "stdio", "err"])


@given(st.lists(st.text() | st.dictionaries(keys, json_values).map(json.dumps)))
def test_whatever_is_written_can_be_read(lines: list[str]) -> None:
    output = Output()
    for each in lines:
        assert isinstance(output.read(each).level, int)
    assert output.failure().problems


@pytest.mark.meltano
def test_meltanos_real_words_are_understood(
    meltano_project: Callable[..., MeltanoProject],
) -> None:
    pipeline = meltano_project("http://127.0.0.1:9", password="").pipeline
    pipeline.environment["MELTANO_CLI_LOG_FORMAT"] = "json"
    done = pipeline.run("tap-emag-orders", "target-postgres", check=False)
    problems, permanent = failure(*done.output.splitlines(keepends=True))
    assert permanent
    assert SAYS in problems
