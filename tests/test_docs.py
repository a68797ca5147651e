"""What README, CONTRIBUTING and docs/ name is there, and what they show works."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from uuid import uuid4

import psycopg
import pytest
import yaml

from tap_emag.declared import SETTINGS
from tap_emag.sandbox import Sandbox, SandboxConfig
from tap_emag.sandbox.cli import _parser
from tap_emag.tables.catalogue import postgres_type, render
from tap_emag.tap import STREAMS
from tests.meltano_project import MeltanoProject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import LiteralString

    from tap_emag.sandbox.postgres import Postgres

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
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
    blocks = [match[2] for match in FENCE.finditer(text) if match[1] in {"", "bash"}]
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


@pytest.fixture(scope="module")
def meltano() -> dict[str, Any]:
    text = (ROOT / "meltano.yml").read_text(encoding="utf-8")
    return cast("dict[str, Any]", yaml.safe_load(text))


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


def test_the_readme_leads_to_every_page() -> None:
    links = LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    reached = {link.partition("#")[0] for link in links}
    assert {f"docs/{page.name}" for page in PAGES if page.parent.name == "docs"} <= reached


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


def test_our_commands_that_are_named_are_declared() -> None:
    declared = {script.name for script in entry_points(group="console_scripts")}
    named = _all_code(r"(?:^|[\s/])(emag-[a-z-]+)")
    assert named
    assert named <= declared


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
    named = {name.removeprefix("FBE_").removesuffix("_FILE") for name in named}
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


def test_the_catalogue_is_up_to_date() -> None:
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert page == render(STREAMS), "run: python -m tap_emag.tables.catalogue > docs/tables.md"


def test_the_readme_names_every_table_and_its_key() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `(\w+)` \| .* \| (`.*`) \|$", text)
    told = {name: re.findall(r"\w+", keys) for name, keys in rows}
    tables = [stream.table for stream in STREAMS]
    expected = {t.name: list(t.keys[2:]) for t in tables if t.keys[2:] != ("code",)}
    assert {name: told.get(name) for name in expected} == expected


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
        project.run("tap-emag", "target-postgres")
        project.results.create_views()
    yield database
    postgres.drop_database(name)


@pytest.mark.meltano
@pytest.mark.parametrize("block", _blocks("sql"), ids=str)
def test_queries_run(block: Block, loaded: Postgres) -> None:
    with loaded.connect() as connection:
        connection.execute("SET search_path TO emag")
        try:
            connection.execute(cast("LiteralString", block.text))  # type: ignore[redundant-cast]
        except psycopg.Error as error:
            pytest.fail(f"{block}: {error}")


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
    names = {"timestamp": "timestamp without time zone"}
    assert {place: found.get(place) for place in told} == {
        place: names.get(kind, kind) for place, kind in told.items()
    }


@pytest.mark.meltano
def test_every_view_is_explained(loaded: Postgres) -> None:
    query = "SELECT viewname FROM pg_views WHERE schemaname = 'emag'"
    with loaded.connect() as connection:
        views = {str(name) for (name,) in connection.execute(query)}
    text = (ROOT / "docs" / "querying.md").read_text(encoding="utf-8")
    assert views <= set(re.findall(r"(?m)^\| `(\w+)` \|", text))
