"""What Meltano writes: lines for people, rows, and why a run failed."""

from __future__ import annotations

import json
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emag_sandbox.demo.pipeline import meltano_command
from orchestrate.meltano.output import LEVELS, Line, Output
from orchestrate.meltano.process import Process
from orchestrate.meltano.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.meltano_project import MeltanoProject

SAYS = "password: is missing; set it, or TAP_EMAG_PASSWORD"
SILENT = "meltano: ended with code 1 and gives no reason"
TAP, LOADER = "tap-emag: ", "target-postgres: "
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def line(text: str, **more: Any) -> str:  # noqa: ANN401 - JSON
    """Return a line as Meltano writes it when it is told to write JSON."""
    return json.dumps({"level": "info", **more, "event": text})


def of_tap(text: str, **more: Any) -> str:  # noqa: ANN401 - JSON
    return line(text, string_id="tap-emag", stdio="stderr", producer=True, **more)


def of_loader(text: str) -> str:
    return line(text, name="target-postgres", stdio="stderr", consumer=True)


def own(text: str, level: str = "critical") -> str:
    """Return a line of the tap's as it comes when the tap writes JSON, too."""
    return of_tap(json.dumps({"level": level, "message": text}))


def ended(**codes: int) -> str:
    return line("Block run completed", level="error", exit_codes=codes, err="… failed")


def failure(*lines: str) -> tuple[tuple[str, ...], bool]:
    output = Output()
    for each in lines:
        output.read(each)
    found = output.failure(1)
    return found.problems, found.permanent


@pytest.mark.parametrize(
    ("code", "permanent"), [(1, False), (2, True), (3, True), (4, False), (5, False), (143, False)]
)
def test_only_settings_and_refusals_are_not_worth_another_try(code: int, permanent: bool) -> None:
    said = failure(of_tap("begins"), own(SAYS), ended(extractors=code))
    assert said == ((TAP + SAYS,), permanent)


def test_a_loader_may_end_with_the_taps_codes() -> None:
    assert failure(of_loader("no disk"), ended(loaders=2)) == ((f"{LOADER}no disk",), False)


def test_every_critical_line_is_told_and_nothing_else() -> None:
    lines = [of_tap("begins"), own("one"), of_tap("ends"), own("two")]
    assert failure(*lines, ended(extractors=2))[0] == (f"{TAP}one", f"{TAP}two")


def test_a_tap_that_tells_no_levels_is_quoted_with_its_last_words() -> None:
    lines = [of_tap(SAYS), of_tap(" "), of_loader("all is well")]
    assert failure(*lines, ended(extractors=2)) == ((TAP + SAYS,), True)


def test_a_loader_that_fails_is_quoted_and_the_tap_beside_it() -> None:
    assert failure(of_loader("no disk"), ended(loaders=1)) == ((f"{LOADER}no disk",), False)
    lines = [of_loader("no disk"), own("the target has closed the pipe")]
    both = failure(*lines, ended(extractors=1, loaders=1))
    assert both == ((f"{TAP}the target has closed the pipe", f"{LOADER}no disk"), False)


def test_a_loader_that_fails_has_the_last_word_where_meltano_ends_with_a_traceback() -> None:
    said = own("the target has closed the pipe")
    reason = of_loader(json.dumps({"level": "critical", "message": "no disk"}))
    last = line("BrokenPipeError()", level="error")
    assert failure(said, reason, last) == (
        (f"{TAP}the target has closed the pipe", f"{LOADER}no disk"),
        False,
    )


def test_a_loader_that_was_killed_is_reported() -> None:
    killed = "loaders: ended by signal 9; 9 may be for lack of memory"
    assert failure(ended(loaders=-9)) == ((killed,), False)
    assert failure(of_loader("loads"), ended(loaders=-9)) == ((f"{LOADER}loads", killed), False)


def test_a_utility_that_fails_is_quoted() -> None:
    lines = [line("no such table", name="emag-ops", stdio="stderr"), ended()]
    assert failure(*lines) == (("emag-ops: no such table",), False)


def test_a_utility_names_the_level_of_its_lines() -> None:
    read = Output().read(line("warning: no table: 5", name="emag-ops", stdio="stderr"))
    assert read == Line(logging.WARNING, "emag-ops", "no table: 5")
    read = Output().read(line("dev:a: loaded", name="emag-ops", stdio="stdout"))
    assert read == Line(logging.INFO, "emag-ops", "dev:a: loaded")


def test_meltanos_own_refusals_are_quoted() -> None:
    begin = "2026-11-25T16:20:10.730060Z [info     ] meltano      Meltano 4.4.1, Linux"
    assert failure(begin, "Error: Block nothere not found") == (
        ("meltano: Error: Block nothere not found",),
        False,
    )
    assert failure(begin, line("Already running", level="error")) == (
        ("meltano: Already running",),
        False,
    )
    assert failure(begin) == ((SILENT,), False)


def test_a_run_that_was_ended_before_meltano_told_of_codes_is_explained_as_far_as_it_goes() -> None:
    assert failure(of_tap("begins"), own("asked to end")) == ((f"{TAP}asked to end",), False)
    assert failure(of_loader("loads"), of_tap("page 7")) == ((f"{TAP}page 7", SILENT), False)
    assert failure(of_loader("loads")) == ((f"{LOADER}loads", SILENT), False)


def test_lines_keep_their_level_and_their_writer() -> None:
    assert Output().read(own(SAYS)) == Line(logging.CRITICAL, "tap-emag", SAYS)
    read = Output().read("2026-11-25T16:20:10Z [warning  ] meltano      No state was found")
    assert read == Line(logging.WARNING, "meltano", "No state was found")
    assert str(read) == "meltano: No state was found"
    assert str(Output().read(ended(loaders=1))) == "meltano: … failed {'loaders': 1}"


def test_a_level_that_is_none_counts_as_information() -> None:
    for odd in ("NOTSET", "loud", "", None, 7):
        assert Output().read(line("text", level=odd)) == Line(logging.INFO, "meltano", "text")


@given(st.sampled_from(sorted(LEVELS)), WORDS)
def test_the_taps_own_level_and_text_are_told(level: str, text: str) -> None:
    assert Output().read(own(f"_{text}", level)) == Line(LEVELS[level], "tap-emag", f"_{text}")


def test_the_pipelines_that_ran_are_known_and_the_codes_of_what_failed() -> None:
    output = Output()
    assert output.codes is None
    for state_id in ("dev:a-to-b", "dev:c-to-b", "dev:a-to-b"):
        output.read(of_tap("begins", job_name=state_id))
    assert output.state_ids == ["dev:a-to-b", "dev:c-to-b"]
    output.read(ended(extractors=3))
    assert output.codes == {"extractors": 3}


@given(
    st.lists(st.tuples(st.sampled_from(["orders", "products"]), st.integers(0, 9)), max_size=9),
    st.booleans(),
)
def test_rows_come_with_the_lines_at_the_ends_of_streams(
    ends: list[tuple[str, int]], as_json: bool
) -> None:
    output = Output()
    expected: Counter[str] = Counter()
    for stream, number in ends:
        text, rows = f"{stream}: {number} rows", {stream: number}
        own = json.dumps({"level": "info", "message": text, "extra": {"rows": rows}})
        read = output.read(of_tap(own) if as_json else of_tap(text, rows=rows))
        assert read == Line(logging.INFO, "tap-emag", text)
        # The loader's are the same rows again.
        output.read(line(text, consumer=True, rows=rows))
        expected.update(rows)
    assert output.rows == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
keys = st.sampled_from(
    ["event", "level", "name", "exit_codes", "producer", "stdio", "err", "job_name", "rows"]
)


@given(st.lists(st.text() | st.dictionaries(keys, json_values).map(json.dumps)))
def test_whatever_is_written_can_be_read(lines: list[str]) -> None:
    output = Output()
    for each in lines:
        assert isinstance(output.read(each).level, int)
    assert output.failure(1).problems


@given(json_values)
def test_whatever_comes_in_the_place_of_rows_can_be_read(rows: Any) -> None:  # noqa: ANN401 - JSON
    Output().read(of_tap("orders: 1 rows", rows=rows))
    Output().read(of_tap(json.dumps({"message": "orders: 1 rows", "extra": rows})))


@given(WORDS)
def test_any_line_can_be_read(text: str) -> None:
    Output().read(text)
    Output().read(json.dumps(text))


def run(project: MeltanoProject, *blocks: str, form: str = "json") -> tuple[int, Output]:
    """Run blocks as the schedulers do; return the code and what was understood."""
    output = Output()
    root, known = project.pipeline.folder, project.pipeline.environment
    # Its variables are the test's, as those of a scheduler would be this process' own.
    variables = {**known, "TAP_EMAG_LOG_FORMAT": form}
    command = Project(root, meltano_command(), "dev").run(str(uuid4()), *blocks)
    with Process(command, root, variables) as process:
        for each in process.lines():
            output.read(each)
        return process.wait(), output


@pytest.mark.meltano
def test_wrong_settings_are_told_with_the_taps_code(
    meltano_project: Callable[..., MeltanoProject],
) -> None:
    project = meltano_project("http://127.0.0.1:9", marketplace="nowhere", order_types=[9])
    code, output = run(project, "tap-emag-orders", "target-postgres")
    failure = output.failure(code)
    assert code == 1
    assert output.codes == {"extractors": 2}
    assert failure.permanent
    assert "marketplace: 'nowhere' is unknown" in str(failure)
    assert "order_types: " in str(failure)


@pytest.mark.meltano
@pytest.mark.parametrize("form", ["json", "text"])
def test_a_missing_password_is_told_whatever_form_the_tap_logs_in(
    meltano_project: Callable[..., MeltanoProject], form: str
) -> None:
    project = meltano_project("http://127.0.0.1:9", password="")
    code, output = run(project, "tap-emag-orders", "target-postgres", form=form)
    failure = output.failure(code)
    assert failure.permanent
    assert f"tap-emag-orders: {SAYS}" in failure.problems


@pytest.mark.meltano
def test_a_job_that_is_not_there_is_told_by_meltano(
    meltano_project: Callable[..., MeltanoProject],
) -> None:
    code, output = run(meltano_project("http://127.0.0.1:9"), "no-such-job")
    failure = output.failure(code)
    assert output.codes is None
    assert not failure.permanent
    assert "no-such-job" in str(failure)
