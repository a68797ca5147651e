"""Each question of the report gets the answer that is true of the shops, and the page shows it."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from psycopg import sql

from tap_emag.ops.cli import run
from tap_emag.ops.report.answers import ask, questions
from tap_emag.ops.report.page import page
from tap_emag.ops.report.words import LANGUAGES, words
from tap_emag.ops.tables.declared import declared_tables
from tap_emag.ops.views.compiled import definitions
from tap_emag.ops.views.install import Installation
from tests.repository.test_docs import _blocks
from tests.support.browser import CHROMIUM, browser
from tests.transform.expected_answers import EXPECTED
from tools import questions_page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_emag.ops.report.answers import Answer, Question
    from tests.support.browser import Browser
    from tests.transform.conftest import Asked

pytestmark = pytest.mark.meltano
NOW = datetime(2026, 2, 10, 12, 30, tzinfo=timezone.utc)
DRAWN = "document.documentElement.dataset.drawn"
HOSTILE = "</script><script>window.hurt = 1</script><img src=x onerror='window.hurt = 2'>"


@pytest.mark.parametrize("name", EXPECTED)
def test_the_answer_is_true_of_the_shops(asked: Asked, name: str) -> None:
    answer, wanted = asked.answers[name], Counter(EXPECTED[name](asked))
    assert answer.missing is None
    assert wanted
    found = Counter(answer.rows)
    assert found - wanted == Counter()
    assert wanted - found == Counter()


def test_freshness_and_completeness_are_known_of_each_table(asked: Asked) -> None:
    answer = asked.answers["12_freshness"]
    rows = {(row["account_key"], row["table_name"]): row for row in answer.dicts()}
    for account in asked.accounts:
        row = rows[account.key, "orders"]
        assert row["rows"] == len(account.orders)
        assert row["newest_change_at"] == max(order["modified"] for order in account.orders)
        assert row["read_up_to"] is not None
    assert {row["last_sync_state"] for row in rows.values()} == {"completed"}
    assert all(row["is_complete"] and row["last_sync_at"] for row in rows.values())


def test_the_answers_cover_accounts_and_currencies(asked: Asked) -> None:
    rows = asked.answers["01_revenue"].rows
    assert {(row[0], row[1]) for row in rows} == {
        ("emag_ro:main", "RON"),
        ("emag_ro:fbe", "RON"),
        ("emag_bg:main", "BGN"),
        ("emag_bg:main", "EUR"),
    }


def test_there_are_twelve_questions_of_at_most_ten_lines() -> None:
    asked = questions()
    assert [question.name for question in asked] == [*EXPECTED, "12_freshness"]
    assert all(question.query.count("\n") < 10 for question in asked)


def test_a_mart_that_is_not_there_is_named(asked: Asked) -> None:
    with asked.warehouse.database.connect() as connection:
        answer = ask(connection, "emag", questions()[0])
    assert answer.rows == ()
    assert answer.missing == "agg_daily_sales"


@pytest.fixture(scope="module")
def plain(asked: Asked) -> dict[str, Answer]:
    """The answers of plain views on the same tables."""
    with asked.warehouse.database.connect() as connection:
        connection.execute("CREATE SCHEMA plain")
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'emag'"
        for (name,) in connection.execute(query).fetchall():
            table = sql.Identifier(name)
            connection.execute(sql.SQL("CREATE TABLE plain.{0} AS TABLE emag.{0}").format(table))
        Installation(connection, "plain", declared_tables([]), definitions()).run()
        return {each.name: ask(connection, "plain_marts", each) for each in questions()}


@pytest.mark.parametrize("question", questions(), ids=lambda question: question.name)
def test_plain_views_give_the_same_answer(
    asked: Asked, plain: dict[str, Answer], question: Question
) -> None:
    ours, theirs = plain[question.name], asked.answers[question.name]
    assert (ours.missing, ours.columns) == (None, theirs.columns)
    assert Counter(ours.rows) == Counter(theirs.rows)


def test_the_page_shows_each_question_with_its_answer(asked: Asked) -> None:
    path = questions_page.PAGE
    text = path.read_text(encoding="utf-8")
    written = questions_page.page(text, asked.answers.values())
    if os.environ.get("WRITE_QUESTIONS"):
        path.write_text(written, encoding="utf-8")
    else:
        assert text == written, "run `make questions`"


@pytest.fixture(scope="module")
def report(asked: Asked) -> Path:
    """The page, written by the command that report.md shows."""
    [shown] = [each.text.split() for each in _blocks("bash") if each.page == "report.md"]
    assert shown[0] == ".venv/bin/meltano"
    asked.warehouse.pipeline().call(*shown[1:])
    return asked.warehouse.folder / "report.html"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("there is no Chromium")
    with browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def test_the_command_names_the_report_which_only_its_owner_reads(
    asked: Asked, report: Path
) -> None:
    log = (asked.warehouse.folder / "meltano.log").read_text(encoding="utf-8")
    assert f"report: {report}" in log
    assert re.search(r"12 questions answered, the slowest \(\w+\) in [\d.]+ seconds", log)
    assert report.stat().st_mode & 0o777 == 0o600
    assert report.stat().st_size < 2_000_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_each_chart_is_drawn_without_a_complaint_or_a_request(
    report: Path, chromium: Browser, width: int, scheme: str
) -> None:
    chromium.complaints.clear()
    chromium.requests.clear()
    chromium.open(report, width=width, scheme=scheme)
    drawn = int(chromium.wait(DRAWN))
    marks = chromium.run(
        "[...document.querySelectorAll('.card')].map((card) => [...card.querySelectorAll('.panel')]"
        ".map((panel) => panel.querySelectorAll('svg .mark-rect path').length))"
    )
    assert len(marks) == 12
    assert sum(map(len, marks)) == drawn
    assert all(panels and all(panels) for panels in marks)
    assert chromium.complaints == []
    assert chromium.requests == [report.as_uri()]
    assert chromium.run("document.documentElement.scrollWidth") <= width


def test_values_of_a_chart_have_colours_of_their_own(report: Path, chromium: Browser) -> None:
    opened(chromium, report)
    legends = chromium.run(
        "[...document.querySelectorAll('.legend')].map((list) =>"
        " [...list.querySelectorAll('i')].map((each) => each.style.background))"
    )
    assert max(map(len, legends)) > 4
    for colours in legends:
        assert len({*colours}) == len(colours), legends
        assert all(colours)


def choose(chromium: Browser, name: str, value: str) -> None:
    chromium.run(
        f"document.getElementById('{name}').value = '{value}';"
        f"document.getElementById('{name}').dispatchEvent(new Event('change'))"
    )
    chromium.wait(DRAWN)


def texts(chromium: Browser, selector: str) -> list[str]:
    found: list[str] = chromium.run(
        f"[...document.querySelectorAll('{selector}')].map((each) => each.textContent)"
    )
    return found


def opened(chromium: Browser, page_file: Path) -> Browser:
    chromium.open(page_file, width=1280)
    chromium.wait(DRAWN)
    return chromium


def test_account_and_currency_filter_tables_and_charts(
    asked: Asked, report: Path, chromium: Browser
) -> None:
    opened(chromium, report)
    card = '[id="01_revenue"]'
    assert texts(chromium, f"{card} h3") == ["BGN", "EUR", "RON"]
    choose(chromium, "account", "emag_bg:main")
    assert texts(chromium, f"{card} h3") == ["BGN", "EUR"]
    assert set(texts(chromium, ".legend li")) & {"emag_ro:main", "emag_ro:fbe"} == set()
    choose(chromium, "currency", "EUR")
    assert texts(chromium, f"{card} h3") == ["EUR"]
    chromium.run(f"document.querySelector('{card} button').click()")
    rows = texts(chromium, f"{card} tbody tr")
    wanted = [row for row in asked.answers["01_revenue"].rows if row[1] == "EUR"]
    assert len(rows) == len(wanted)
    assert all(row.count(" EUR") == 2 for row in rows)
    choose(chromium, "account", "emag_ro:fbe")
    assert texts(chromium, f"{card} p")[1:] == ["Nothing for this choice."]


def test_the_page_speaks_both_languages_with_their_numbers(
    asked: Asked, report: Path, chromium: Browser
) -> None:
    opened(chromium, report)
    best = next(row for row in asked.answers["02_margin"].dicts())
    english = f"{best['revenue_net']:,} {best['currency']}"
    cell = '[id="02_margin"] tbody tr:first-child td:nth-child(5)'
    assert texts(chromium, "h1") == ["eMAG report"]
    assert texts(chromium, cell) == [english]
    choose(chromium, "language", "ro")
    assert texts(chromium, "h1") == ["Raport eMAG"]
    romanian = english.translate(str.maketrans(",.", ".,"))
    assert texts(chromium, cell) == [romanian]
    assert chromium.run("document.documentElement.lang") == "ro"
    assert any("Sumă netă (RON)" in text for text in texts(chromium, "svg text"))


def test_names_of_others_are_shown_and_never_run(
    asked: Asked, chromium: Browser, tmp_path: Path
) -> None:
    answer = asked.answers["02_margin"]
    place = answer.columns.index("product")
    rows = [(*row[:place], HOSTILE, *row[place + 1 :]) for row in answer.rows]
    answers = [
        replace(each, rows=rows) if each is answer else each for each in asked.answers.values()
    ]
    file = tmp_path / "hostile.html"
    file.write_text(page(answers, now=NOW, language="en"), encoding="utf-8")
    chromium.complaints.clear()
    opened(chromium, file)
    assert HOSTILE in texts(chromium, '[id="02_margin"] td.text')
    assert chromium.run("window.hurt") is None
    assert chromium.complaints == []


def test_what_is_not_loaded_is_left_out_with_a_word(
    asked: Asked, chromium: Browser, tmp_path: Path
) -> None:
    def changed(answer: Answer) -> Answer:
        rows = {
            "01_revenue": [],
            "03_returns": [],
            "12_freshness": [row for row in answer.rows if row[1] != "returns"],
        }
        return replace(answer, rows=rows.get(answer.question.name, answer.rows))

    answers = [changed(answer) for answer in asked.answers.values()]
    answers[3] = replace(answers[3], rows=(), missing="fct_orders")
    file = tmp_path / "less.html"
    file.write_text(page(answers, now=NOW, language="en"), encoding="utf-8")
    opened(chromium, file)
    said = {name: texts(chromium, f'[id="{name}"] p')[1:] for name in asked.answers}
    assert said["01_revenue"] == ["There are no orders."]
    assert said["03_returns"] == ["Left out, because it is not loaded: returns"]
    assert said["04_late_orders"] == ["Left out, because it is not loaded: fct_orders"]


def test_a_schema_without_marts_is_an_error_that_names_the_remedy(
    asked: Asked,
    meltano_plugins: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(meltano_plugins))
    for name, value in asked.warehouse.database.environment().items():
        monkeypatch.setenv(name, value)
    assert run(["report", "--schema", "nowhere"]) == 2
    assert "--schema: there are no marts in 'nowhere'; run `meltano run dbt:build`" in caplog.text
    assert run(["report", "--output", "/proc/no/report.html"]) == 2
    assert "--output: /proc/no/report.html cannot be written" in caplog.text
    monkeypatch.setenv("TARGET_POSTGRES_PASSWORD", "another")
    assert run(["report"]) == 1
    assert "Postgres: " in caplog.text


def test_both_languages_have_words_for_all_that_is_shown(asked: Asked) -> None:
    english, romanian = (words(language) for language in LANGUAGES)
    assert {kind: list(found) for kind, found in english.items()} == {
        kind: list(found) for kind, found in romanian.items()
    }
    columns = {name for answer in asked.answers.values() for name in answer.columns}
    assert columns <= english["columns"].keys()
    assert english["questions"].keys() == asked.answers.keys()
    shown = {"status", "change", "own_price", "sponsor", "customers", "last_sync_state", "reason"}
    values = {
        value
        for answer in asked.answers.values()
        for row in answer.dicts()
        for name, value in row.items()
        if name in shown
    }
    assert values - {None, "eMAG"} <= english["values"].keys()
