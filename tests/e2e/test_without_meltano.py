"""Singer targets other than ours store what the tap writes, as docs/without-meltano.md shows."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.json import set_json_loads

from emag_sandbox import Sandbox, SandboxConfig
from tests.e2e.orchestrate.environments import clean_environ, environment
from tests.repository.test_docs import ROOT, _blocks
from tests.support.command import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emag_sandbox.postgres.server import Postgres
    from tests.support.command import Finished

    Row = dict[str, Any]
    Tables = dict[str, list[Row]]

PAGE = "without-meltano.md"
EXACT = partial(json.loads, parse_float=Decimal)
PATIENCE = 300  # seconds; Postgres makes some sixty tables
TAP = f"""#!/bin/sh
PYTHONPATH={ROOT} exec {sys.executable} -m tests.support.unlimited "$@"
"""
DUMP = """
import duckdb, json, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
columns = "SELECT table_name, column_name, data_type FROM information_schema.columns"
print(json.dumps(connection.execute(columns).fetchall()))
for table in {name for name, *_ in connection.fetchall() or connection.execute(columns).fetchall()}:
    rows = connection.execute(f'SELECT * FROM emag."{table}"')
    names = [column[0] for column in rows.description]
    for row in rows.fetchall():
        print(json.dumps([table, dict(zip(names, row))], default=str))
"""


class Reader:
    """Pastes the blocks of the page into a folder that is laid out as a checkout."""

    def __init__(self, folder: Path, shop: Sandbox, since: str) -> None:
        """Write the settings and the script."""
        self.folder = folder
        commands = folder / ".venv" / "bin"
        commands.mkdir(parents=True)
        (commands / "python").symlink_to(sys.executable)
        (commands / "tap-emag").write_text(TAP, encoding="utf-8")
        (commands / "tap-emag").chmod(0o755)
        shown = "http://127.0.0.1:8080/api-3"
        self.paste("mkdir -p .singer", {shown: f'{shop.url}", "start_date": "{since}'})
        self.paste("cat > .singer/sync.sh")

    def paste(self, beginning: str, here: dict[str, str] | None = None) -> str:
        """Paste the block that begins so, with what is called otherwise here."""
        [text] = [
            block.text
            for block in _blocks("bash")
            if block.page == PAGE and block.text.startswith(beginning)
        ]
        for shown, real in (here or {}).items():
            assert shown in text
            text = text.replace(shown, real)
        return self.shell(text)

    def shell(self, text: str, code: int = 0) -> str:
        """Run commands in the folder."""
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", text],
            cwd=self.folder,
            env=clean_environ(Path(sys.prefix)),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == code, done.stderr[-4000:]
        return done.stdout

    def install(self, command: str) -> None:
        """Put a target where the block that begins so installs it; it is made once."""
        place = command.rsplit(maxsplit=1)[-1]
        made = environment(f"singer-{Path(place).name}", PAGE, place)
        (self.folder / place).symlink_to(made)

    def state(self, name: str) -> bytes:
        """Return the state that the script has kept."""
        return (self.folder / ".singer" / f"{name}.state.json").read_bytes()


# Columns that differ from run to run; all but the first are those of `syncs`.
OF_A_RUN = frozenset({"changed_at", "run_id", "started", "ended", "read_up_to", "requests"})


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    config = SandboxConfig(
        orders=30, offers=6, returns=3, categories=4, localities=9, history_days=9, limits=False
    )
    with Sandbox(config) as shop:
        yield shop


@pytest.fixture(scope="module")
def since() -> str:
    return f"{datetime.now(timezone.utc) - timedelta(days=12):%Y-%m-%d}"


@pytest.fixture(scope="module")
def sent(shop: Sandbox, since: str, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """What a first run writes."""
    folder = tmp_path_factory.mktemp("sent")
    done = run(folder, shop, start_date=since)
    assert done.code == 0, done.log
    lines = (folder / "output").read_text(encoding="utf-8").splitlines()
    done.messages = [EXACT(line) for line in lines]
    return done


@pytest.fixture
def reader(tmp_path: Path, shop: Sandbox, since: str) -> Reader:
    return Reader(tmp_path, shop, since)


def compare(
    sent: Finished,
    stored: Tables,
    plain: Callable[[Any, Any], Any],
    left_out: tuple[str, str] | None = None,
) -> None:
    """Compare all rows and columns with those of another first run, but for those `OF_A_RUN`.

    `plain` brings a stored value to the form of the one that was written. A stream map of the page
    leaves the column `left_out` out.
    """
    keys = {m["stream"]: m["key_properties"] for m in sent.messages if m["type"] == "SCHEMA"}

    def key(stream: str, row: Row) -> tuple[str, ...]:
        return tuple(str(row[name]) for name in keys[stream] if name not in OF_A_RUN)

    wanted = {stream: {key(stream, row): row for row in sent.rows(stream)} for stream in keys}
    found = {stream: [key(stream, row) for row in rows] for stream, rows in stored.items()}
    for stream, rows in wanted.items():
        assert sorted(found.get(stream, [])) == sorted(rows), stream
    wrong = [
        (stream, name, row[name], value)
        for stream, rows in stored.items()
        for row in rows
        for name, value in wanted[stream][key(stream, row)].items()
        if (stream, name) != left_out and name not in OF_A_RUN and plain(row[name], value) != value
    ]
    assert wrong == []


def exact(stored: object, _: object) -> object:
    return stored


def from_csv(stored: str, written: object) -> object:
    if isinstance(written, str):
        time = stored.replace(" ", "T", 1)
        return time if time == written else stored
    if isinstance(written, bool):
        return {"True": True, "False": False}[stored]
    if isinstance(written, dict | list):
        return eval(stored, {"Decimal": Decimal})
    return Decimal(stored) if stored else None


def from_database(stored: Any, written: Any) -> object:  # noqa: ANN401 - any column
    if stored is None and written == "":
        return ""
    if isinstance(stored, float):
        return Decimal(repr(stored))
    if isinstance(stored, datetime | str) and isinstance(written, str):
        time = str(stored).replace(" ", "T", 1) + "+00:00"
        return time if time == written else stored
    return EXACT(stored) if isinstance(stored, str) and written is not None else stored


def from_pipelinewise(stored: Any, written: Any) -> object:  # noqa: ANN401 - any column
    if isinstance(stored, str) and isinstance(written, str):
        shown = json.dumps(written, ensure_ascii=False)[1:-1]
        if stored == re.sub(r"\\([\\\"])", r"\1", shown):
            return written
    return from_database(stored, written)


def files(folder: Path) -> dict[str, list[Path]]:
    """Return the files of a folder by stream, oldest first."""
    found = defaultdict(list)
    for path in sorted(folder.iterdir()):
        found[path.name.partition("-")[0]].append(path)
    return found


def test_json_lines_are_exact(reader: Reader, sent: Finished) -> None:
    reader.install(".venv/bin/uv venv --python .venv/bin/python .singer/jsonl")
    assert "emag_ro/main" in reader.paste(".venv/bin/tap-emag --config")
    reader.paste("cat > .singer/jsonl.json")
    first = files(reader.folder / ".singer" / "rows")
    rows = {
        stream: [EXACT(line) for path in paths for line in path.read_text("utf-8").splitlines()]
        for stream, paths in first.items()
    }
    compare(sent, rows, exact)

    state = reader.state("jsonl")
    fails = "sh .singer/sync.sh jsonl"
    reader.shell(f"""{fails} sh -c 'cat > /dev/null; printf "{{\\"bookmarks\\": {{"; exit 7'""", 7)
    assert reader.state("jsonl") == state
    reader.shell(f"TAP_OPTIONS='--catalog /nowhere' {fails} cat", 2)
    assert reader.state("jsonl") == state

    reader.paste("cat > .singer/jsonl.json")
    assert files(reader.folder / ".singer" / "rows")["products"] == first["products"]
    assert reader.state("jsonl") != state
    left = {path.name for path in (reader.folder / ".singer").iterdir()}
    assert left == {"jsonl", "jsonl.json", "jsonl.state.json", "rows", "sync.sh", "tap.json"}


def test_csv_has_every_row(reader: Reader, sent: Finished) -> None:
    reader.install(".venv/bin/uv venv --python .venv/bin/python .singer/csv")
    reader.paste("cat > .singer/csv.json")
    paths = files(reader.folder / ".singer" / "csv-rows")
    rows = {}
    for stream, [path] in paths.items():
        with path.open(encoding="utf-8", newline="") as file:
            rows[stream] = list(csv.DictReader(file))
    compare(sent, rows, from_csv)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="its driver has no wheel")
def test_pipelinewise_has_every_row(reader: Reader, sent: Finished, database: Postgres) -> None:
    reader.install(".venv/bin/uv venv --python .venv/bin/python .singer/pipelinewise")
    shown = '"host": "localhost", "port": 5432, "user": "user", "password": "password",'
    address = {"host": database.host, "port": database.port, "user": database.user}
    real = json.dumps({**address, "password": database.password})[1:-1] + ","
    here = {shown: real, '"dbname": "database"': f'"dbname": "{database.database}"'}
    reader.paste("(umask 077 && cat > .singer/pipelinewise.json", here)
    stored: Tables = {}
    with database.connect() as connection:
        set_json_loads(EXACT, connection)
        query = """
            SELECT table_name, column_name, data_type FROM information_schema.columns
            WHERE table_schema = 'emag'
        """
        columns = connection.execute(query).fetchall()
        for table in {str(name) for name, *_ in columns}:
            rows = connection.execute(f'SELECT * FROM emag."{table}"'.encode())
            names = [column.name for column in rows.description or ()]
            stored[table] = [dict(zip(names, row, strict=True)) for row in rows]
    assert ("orders", "shipping_tax", "double precision") in columns
    assert ("orders", "id", "numeric") in columns
    compare(sent, stored, from_pipelinewise, left_out=("order_lines", "details"))


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="DuckDB 1.0.0 has no wheel")
def test_duckdb_has_every_row(reader: Reader, sent: Finished) -> None:
    reader.install(".venv/bin/uv venv --python .venv/bin/python .singer/duckdb")
    reader.paste("cat > .singer/duckdb.json")
    command = [".singer/duckdb/bin/python", "-c", DUMP, ".singer/shop.duckdb"]
    done = subprocess.run(command, cwd=reader.folder, check=True, capture_output=True, text=True)
    columns, *lines = map(json.loads, done.stdout.splitlines())
    assert ["orders", "shipping_tax", "DOUBLE"] in columns
    assert ["orders", "id", "HUGEINT"] in columns
    stored: Tables = defaultdict(list)
    for table, row in lines:
        stored[table].append(row)
    compare(sent, stored, from_database)
