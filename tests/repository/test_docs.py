"""What README, CONTRIBUTING and docs/ name is there, and what they show works."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tokenize
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import psycopg
import pytest
import yaml
from psycopg import sql

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.cli import _parser
from tap_emag.ops.accounts.project import text_of
from tap_emag.ops.accounts.table import parse
from tap_emag.schema.postgres_types import postgres_type
from tap_emag.settings.settings import SETTINGS
from tap_emag.tap import STREAMS
from tests.support.declared import declared
from tests.support.meltano_project import MeltanoProject
from tools.docs_site import index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emag_sandbox.postgres.server import Postgres

ROOT = Path(__file__).resolve().parents[2]
AT_THE_ROOT = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = sorted([*(ROOT / name for name in AT_THE_ROOT), *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The words of prose: plain verbs, actors with a name, one word for before and one for after.
BANNED = re.compile(
    r"""\b(?:tell|tells|told|telling|meet|meets|met|book|books|booked|say|says|said|stand|stands|stood
    |lie|lies|lay|hold|holds|held|holding|whoever|nobody|somebody|anybody|behind|beside|wholly
    |whole(?!\ numbers?\b)|mak(?:e|es|ing)\ (?:no\ )?sense|made\ no\ sense)\b
    |(?<!there\ )\b(?:is|are|was|were)\ no\ (?!longer\b|more\b|less\b|faster\b|later\b)\w+
    |\d\ an?\ (?:second|minute|hour|day)\b""",
    re.VERBOSE | re.IGNORECASE,
)
# Code whose comments and texts are held to the same words: files, or folders.
PROSE_OF_CODE = ["tap_emag", "emag_sandbox", "orchestrate", "benchmarks", "tools"]
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
NOT_INSTALLED = {"pre-commit"}  # CONTRIBUTING tells how to get it


class Block(NamedTuple):
    """A fenced block of code."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def _blocks(*languages: str) -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 2
            if match[1] in languages:
                found.append(Block(page.name, line, match[1], match[2]))
    return found


def _code(page: Path) -> list[str]:
    """Return what a page shows as code: spans, and the lines of blocks, comments left out."""
    text = page.read_text(encoding="utf-8")
    spans = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    blocks = [match[2] for match in FENCE.finditer(text) if match[1] in {"", "bash", "dotenv"}]
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [*spans, *(line.partition(" #")[0] for line in joined.splitlines())]


def _all_code(pattern: str) -> set[str]:
    return {found for page in PAGES for code in _code(page) for found in re.findall(pattern, code)}


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


def _prose(path: Path) -> list[tuple[int, str]]:
    """Return the lines of a page without its code, or the comments and texts of a module."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        with path.open("rb") as file:
            tokens = list(tokenize.tokenize(file.readline))
        kinds = {tokenize.COMMENT, tokenize.STRING}
        found = ((each.start[0], each.string) for each in tokens if each.type in kinds)
        # A string of one word is a value, such as a name of the system.
        prose = ((line, string) for line, string in found if len(string.split()) > 1)
        return [(line, re.sub(r"`[^`]+`", "", string)) for line, string in prose]
    for code in (FENCE, re.compile(r"(?s)<!--.*?-->")):
        text = code.sub(lambda found: "\n" * found[0].count("\n"), text)
    text = re.sub(r"`[^`\n]+`|\]\([^)\n]+\)", "", text)
    return list(enumerate(text.splitlines(), start=1))


def _files_of_prose() -> list[Path]:
    named = [ROOT / name for name in PROSE_OF_CODE]
    code = [file for each in named for file in ([each] if each.is_file() else each.rglob("*.py"))]
    return [*PAGES, ROOT / "CHANGELOG.md", *code]


@pytest.mark.parametrize("path", _files_of_prose(), ids=lambda path: str(path.relative_to(ROOT)))
def test_its_words_are_plain(path: Path) -> None:
    found = [(line, word[0]) for line, text in _prose(path) for word in BANNED.finditer(text)]
    assert found == [], "see the sentences in CONTRIBUTING.md"


@pytest.fixture(scope="module")
def meltano() -> dict[str, Any]:
    """Return what the project declares, and what the page of accounts makes of its example."""
    [table, *_] = [each for each in _blocks("yaml") if each.page == "accounts.md"]
    made = yaml.safe_load(text_of(parse(table.text), ROOT, {}))
    found = declared()
    found["plugins"]["extractors"] += made["plugins"]["extractors"]
    found["jobs"] += made["jobs"]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        known = target.exists() and (not anchor or anchor in _anchors(target))
        if not known or not target.is_relative_to(ROOT):
            dead.append(link)
    assert dead == []


def test_the_readme_leads_to_the_index_and_the_index_to_every_page() -> None:
    assert "docs/index.md" in LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    listed = [page for pages in index().values() for page in pages.values()]
    folder = ROOT / "docs"
    pages = {str(page.relative_to(folder)) for page in folder.rglob("*.md")} - {"index.md"}
    assert sorted(listed) == sorted(pages | {"../CONTRIBUTING.md", "../CHANGELOG.md"})


def test_the_readme_stays_short() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("\n") <= 130
    tables = re.findall(r"(?m)(?:^\|.*\n)+", text)
    assert max(table.count("\n") - 2 for table in tables) <= 10


def test_make_knows_the_commands_that_are_named() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z-]+):", makefile))
    named = _all_code(r"\bmake ([a-z][a-z-]*)")
    assert named
    assert named <= targets


def test_commands_that_are_named_are_installed() -> None:
    named = _all_code(r"\.venv/bin/([\w-]+)") - NOT_INSTALLED
    folder = Path(sys.executable).parent
    assert named
    assert {name for name in named if not (folder / name).exists()} == set()


def test_our_commands_that_are_named_are_declared(meltano: dict[str, Any]) -> None:
    installed = {script.name for script in entry_points(group="console_scripts")}
    jobs = {job["name"] for job in meltano["jobs"]}
    named = _all_code(r"(?:^|[\s/])(emag-[a-z-]+)") - jobs
    assert named
    assert named <= installed


def test_modules_that_are_named_are_there() -> None:
    named = _all_code(r"python -m ([a-z_][\w.]*)")
    assert {name for name in named if find_spec(name) is None} == set()


def test_files_that_are_named_are_there() -> None:
    folders = "tap_emag|tests|transform|requirements|docs|benchmarks|orchestrate|monitoring|deploy"
    named = _all_code(rf"(?<![\w/.])((?:{folders})/[\w./-]*\w)")
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_what_meltano_is_told_to_run_is_there(meltano: dict[str, Any]) -> None:
    plugins = [plugin["name"] for kind in meltano["plugins"].values() for plugin in kind]
    known = {*plugins, *(job["name"] for job in meltano["jobs"])}
    named = set()
    for words in _all_code(r"\bmeltano run ((?:[\w-]+(?:=\S+)? ?)+)"):
        # The suffix of a state id is the one option here with a word of its own.
        bare = re.sub(r"--state-id-suffix[= ]\S+|--timeout(?:[= ]\d+)?|--[\w-]+", "", words)
        named |= set(bare.split())
    assert named
    assert named <= known
    states = _all_code(r"\bdev:([\w-]+)-to-target-postgres")
    assert states <= set(plugins)


def test_settings_that_are_named_are_there() -> None:
    known = {setting.name.upper() for setting in SETTINGS}
    named = _all_code(r"\bTAP_EMAG_([A-Z_]+[A-Z])\b") - {"_SELECT", "LONG"}
    # The first is Meltano's own, the second that of the tests.
    named = {re.sub("^(FBE|BG)_|_FILE$", "", name) for name in named}
    assert named
    assert named <= known


def test_options_of_the_sandbox_that_are_named_are_there() -> None:
    known = {option for action in _parser()._actions for option in action.option_strings}
    page = ROOT / "docs" / "sandbox.md"
    named = {option for code in _code(page) for option in re.findall(r"(?<!\S)--[a-z0-9-]+", code)}
    assert len(named) > 20
    assert named <= known


@pytest.mark.parametrize("block", _blocks("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", _blocks("python"), ids=str)
def test_python_runs(block: Block) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block.text], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", _blocks("bash"), ids=str)
def test_a_shell_can_read_it(block: Block) -> None:
    done = subprocess.run(
        ["sh", "-n"], input=block.text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_page_of_tables_names_every_table_and_its_key() -> None:
    text = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| \[`(\w+)`\]\(#\w+\) \| .* \| (`.*`) \|$", text)
    named = {name: re.findall(r"\w+", keys) for name, keys in rows}
    assert named == {stream.table.name: list(stream.table.keys) for stream in STREAMS}


@pytest.fixture(scope="module")
def loaded(
    postgres: Postgres, meltano_plugins: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Postgres]:
    """A database into which Meltano has loaded a small shop, with the views."""
    name = f"tap_emag_test_{uuid4().hex[:12]}"
    database = postgres.create_database(name)
    folder = tmp_path_factory.mktemp("docs")
    config = SandboxConfig(
        orders=200, offers=100, history_days=20, returns=10, categories=20, localities=50
    )
    with Sandbox(config) as shop:
        # Meltano selects what is off by default, too: leave it out, it takes a request a row.
        off = [f"!{stream.table.name}.*" for stream in STREAMS if not stream.selected_by_default]
        project = MeltanoProject(
            folder, database, shop.url, plugins=meltano_plugins, _select=["*.*", *off]
        )
        project.run("emag-ops:prepare-tables", "tap-emag", "target-postgres")
        project.run("emag-ops:create-views")
    yield database
    postgres.drop_database(name)


# tests/transform/test_questions.py has marts, and asks what is on the page of questions.
ON_TABLES = [block for block in _blocks("sql") if block.page != "questions.md"]


@pytest.mark.meltano
@pytest.mark.parametrize("block", ON_TABLES, ids=str)
def test_queries_run(block: Block, loaded: Postgres) -> None:
    with loaded.connect() as connection:
        connection.execute("SET search_path TO emag_marts, emag_staging, emag")
        try:
            connection.execute(block.text.encode())
        except psycopg.Error as error:
            pytest.fail(f"{block}: {error}")


@pytest.mark.meltano
@pytest.mark.parametrize("view", ["orders", "order_lines", "order_vouchers", "products"])
def test_views_are_estimated_right_at_once(view: str, loaded: Postgres) -> None:
    # Where Postgres expects one row, it repeats the rest of a query for each one that it finds.
    with loaded.connect() as connection:
        shown = sql.SQL("SELECT * FROM emag_staging.{}").format(sql.Identifier(f"stg_emag__{view}"))
        rows = len(connection.execute(shown).fetchall())
        [(plan,)] = connection.execute(sql.SQL("EXPLAIN (FORMAT JSON) ") + shown).fetchall()
    assert plan[0]["Plan"]["Plan Rows"] >= rows / 10 > 1


@pytest.mark.meltano
def test_columns_have_the_types_that_are_told(loaded: Postgres) -> None:
    query = """
        SELECT table_name, column_name, data_type FROM information_schema.columns
        WHERE table_schema = 'emag' AND column_name NOT LIKE '\\_sdc\\_%'
    """
    with loaded.connect() as connection:
        found = {(table, column): kind for table, column, kind in connection.execute(query)}
    told = {
        (stream.table.name, column.name): postgres_type(column.type.schema)
        for stream in STREAMS
        if stream.selected_by_default
        for column in stream.table.columns
    }
    names = {"timestamptz": "timestamp with time zone"}
    assert {place: found.get(place) for place in told} == {
        place: names.get(kind, kind) for place, kind in told.items()
    }


@pytest.mark.meltano
def test_every_view_is_explained(loaded: Postgres) -> None:
    query = "SELECT viewname FROM pg_views WHERE schemaname = 'emag_marts'"
    with loaded.connect() as connection:
        views = {str(name) for (name,) in connection.execute(query)}
    text = (ROOT / "docs" / "marts.md").read_text(encoding="utf-8")
    assert views <= set(re.findall(r"(?m)^\| `(\w+)` \|", text))
