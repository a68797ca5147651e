"""The loader writes each row once, and each value as it was sent; also two loaders at once."""

from __future__ import annotations

import gzip
import json
import subprocess
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.warehouse import executable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from emag_sandbox.postgres.server import Postgres

pytestmark = pytest.mark.meltano

TYPES = {
    "account": "string",
    "id": "integer",
    "amount": "number",
    "at": "date-time",
    "name": "string",
    "flag": "boolean",
    "details": "object",
    "tags": "array",
}
PREPARED = """
    account text NOT NULL, id bigint NOT NULL, amount numeric, at timestamptz, name text,
    flag boolean, details jsonb, tags jsonb, _sdc_batched_at timestamptz
"""
WRITTEN = "SELECT n_tup_ins, n_tup_upd FROM pg_stat_user_tables WHERE relname = %s"


class Loader(NamedTuple):
    """The loader of the project, with a database."""

    database: Postgres
    command: Path
    folder: Path

    def start(self, **given: Any) -> subprocess.Popen[str]:  # noqa: ANN401
        """Start it with these settings."""
        names = ("host", "port", "user", "password", "database")
        config = {name: getattr(self.database, name) for name in names} | {
            "default_target_schema": "emag",
            "validate_records": False,
            "add_record_metadata": True,
            **given,
        }
        path = self.folder / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        return subprocess.Popen(
            [self.command, "--config", path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PGTZ": "UTC"},
        )

    def load(self, lines: Sequence[str], **given: Any) -> None:  # noqa: ANN401
        """Load messages."""
        with self.start(**given) as process:
            process.communicate("\n".join(lines))
        assert process.returncode == 0

    def execute(self, text: str) -> None:
        """Run a statement."""
        with self.database.connect() as connection:
            connection.execute(text.encode())

    def query(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self.database.connect() as connection:
            return connection.execute(text.encode(), values).fetchall()


@pytest.fixture(scope="module")
def loader(
    postgres: Postgres, meltano_plugins: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Loader]:
    name = f"tap_emag_test_rows_{time.monotonic_ns()}"
    command = executable(meltano_plugins, "loaders", "target-postgres", "emag-loader")
    yield Loader(postgres.create_database(name), command, tmp_path_factory.mktemp("loader"))
    postgres.drop_database(name)


@pytest.fixture
def table(loader: Loader) -> Callable[..., str]:
    """Make a table as `prepare-tables` does, or only its name, where the loader makes it."""

    def make(
        *,
        prepared: bool = True,
        columns: str = PREPARED,
        key: str = ", PRIMARY KEY (account, id)",
    ) -> str:
        name = f"rows_{time.monotonic_ns()}"
        if prepared:
            loader.execute("CREATE SCHEMA IF NOT EXISTS emag")
            loader.execute(f"CREATE TABLE emag.{name} ({columns}{key})")
        return name

    return make


def schema(table: str, keys: Sequence[str] = ("account", "id")) -> str:
    properties = {
        name: {"type": ["string", "null"], "format": kind}
        if kind == "date-time"
        else {"type": [kind, "null"]}
        for name, kind in TYPES.items()
    }
    message = {"type": "SCHEMA", "stream": table, "key_properties": keys}
    return json.dumps({**message, "schema": {"properties": properties}})


def message(table: str, row: dict[str, Any]) -> str:
    """Write a record; a decimal as the number that it is."""
    values = ", ".join(f"{json.dumps(name)}: {_text(value)}" for name, value in row.items())
    return f'{{"type": "RECORD", "stream": "{table}", "record": {{{values}}}}}'


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, datetime):
        return json.dumps(value.isoformat())
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def numbered(table: str, count: int, **more: Any) -> list[str]:  # noqa: ANN401
    return [message(table, {"account": "main", "id": each, **more}) for each in range(count)]


def wait_for_counts(loader: Loader, table: str, expected: tuple[int, int]) -> None:
    """Postgres counts a session's rows when the session has ended."""
    until = time.monotonic() + 60
    found: list[tuple[Any, ...]] = []
    while found != [expected]:
        assert time.monotonic() < until, f"{expected} did not come about, but {found}"
        found = loader.query(WRITTEN, table)
        time.sleep(0.05)


amounts = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**20)),
    st.integers(1, 10**60).map(lambda digits: Decimal(f"{digits}e-20")),
    st.integers(-(10**18), 10**18).map(lambda digits: Decimal(f"{digits}e9")),
    st.sampled_from(["12345678901234.5678", "0.1", "5e-20", f"1{'0' * 300}.5"]).map(Decimal),
)
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40
) | st.sampled_from(["", "\\N", "\\.", "a\tb\nc\rd\\", '"{}"', "NULL", "null", "ăîșț"])
times = st.datetimes(
    datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(timezone.utc),
).map(lambda time: time.astimezone(timezone(timedelta(hours=time.second % 25 - 12))))
values = st.none() | amounts | texts | st.booleans() | st.integers(-(2**63), 2**63 - 1)
rows = st.fixed_dictionaries(
    {
        "amount": st.none() | amounts,
        "at": st.none() | times,
        "name": st.none() | texts,
        "flag": st.none() | st.booleans(),
        "details": st.none() | st.dictionaries(texts, values, max_size=4),
        "tags": st.none() | st.lists(values, max_size=4),
    }
)


@pytest.mark.parametrize("use_copy", [True, False])
@pytest.mark.parametrize("prepared", [True, False])
def test_each_value_is_stored_as_it_was_sent(
    loader: Loader, table: Callable[..., str], *, prepared: bool, use_copy: bool
) -> None:
    """Amounts have any digits that a numeric can have, and times have offsets."""

    @settings(max_examples=2, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(rows, min_size=100, max_size=300))
    def check(drawn: list[dict[str, Any]]) -> None:
        name = table(prepared=prepared)
        sent = [{"account": "main", "id": each, **row} for each, row in enumerate(drawn)]
        loader.load([schema(name), *(message(name, row) for row in sent)], use_copy=use_copy)
        found = loader.query(
            "SELECT id, amount, at, name, flag, details::text, tags::text"
            f" FROM emag.{name} ORDER BY id"
        )
        assert len(found) == len(sent)
        for row, (number, amount, at, text, flag, details, tags) in zip(sent, found, strict=True):
            assert (number, amount, text, flag) == (
                *(row["id"], row["amount"], row["name"], row["flag"]),
            )
            assert [_json(details), _json(tags)] == [_sent(row["details"]), _sent(row["tags"])]
            if at and not prepared:
                at = at.replace(tzinfo=timezone.utc)  # noqa: PLW2901 - without a zone, it is UTC
            assert at == (row["at"] and row["at"].astimezone(timezone.utc))

    check()


def _json(text: str | None) -> Any:  # noqa: ANN401
    return None if text is None else json.loads(text, parse_float=Decimal, parse_int=Decimal)


def _sent(value: object) -> Any:  # noqa: ANN401
    return None if value is None else _json(_text(value))


KEYS = [
    ", PRIMARY KEY (id, account)",
    ", PRIMARY KEY (account, id) DEFERRABLE",
    ", UNIQUE (account, id)",
    "",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_row_is_written_once(loader: Loader, table: Callable[..., str], key: str) -> None:
    name = table(key=key)
    lines = [schema(name), *numbered(name, 250, name="first")]
    loader.load(lines, batch_size_rows=100)
    wait_for_counts(loader, name, (250, 0))
    lines = [schema(name), *numbered(name, 300, name="again")]
    loader.load(lines, batch_size_rows=100)
    wait_for_counts(loader, name, (300, 250))
    assert loader.query(f"SELECT name, count(*) FROM emag.{name} GROUP BY 1") == [("again", 300)]


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
@pytest.mark.parametrize("key", KEYS)
def test_the_latest_row_of_a_key_stays_whatever_the_table_declares(
    loader: Loader, table: Callable[..., str], key: str, driver: str
) -> None:
    name = table(key=key)
    url = loader.database.dsn.replace("postgresql:", f"postgresql+{driver}:")
    with_url: dict[str, Any] = {"sqlalchemy_url": url, "use_copy": True}
    rows: list[dict[str, Any]] = [
        {"name": "a"},
        {"name": "b", "amount": Decimal("1e15")},
        {"amount": Decimal("2.50")},
    ]
    for sent in (rows[:2], rows[2:]):
        lines = [message(name, {"account": "main", "id": 1, **row}) for row in sent]
        loader.load([schema(name), *lines, *numbered(name, 1)], **with_url)
    found = loader.query(f"SELECT id, amount::text, name FROM emag.{name} ORDER BY id")
    assert found == [(0, None, None), (1, "2.50", None)]


@pytest.mark.parametrize("prepared", [True, False])
def test_a_key_with_a_time_is_one_however_the_time_is_written(
    loader: Loader, table: Callable[..., str], *, prepared: bool
) -> None:
    name = table(prepared=prepared, key=", PRIMARY KEY (account, at)")
    spellings = ["2024-03-01T12:00:00Z", "2024-03-01T14:00:00+02:00", "2024-03-01T12:00:00.0Z"]
    sent = [
        message(name, {"account": "main", "id": each, "at": spelling})
        for each, spelling in enumerate([*spellings, "2024-03-01T12:00:01Z"])
    ]
    loader.load([schema(name, ["account", "at"]), *sent])
    wait_for_counts(loader, name, (2, 0))
    assert loader.query(f"SELECT id FROM emag.{name} ORDER BY at") == [(2,), (3,)]


def test_rows_without_keys_are_all_kept(loader: Loader, table: Callable[..., str]) -> None:
    name = table(prepared=False)
    loader.load([schema(name, []), *numbered(name, 2), *numbered(name, 1)])
    assert loader.query(f"SELECT id FROM emag.{name} ORDER BY id") == [(0,), (0,), (1,)]


def test_rows_of_a_batch_message_are_written(loader: Loader, table: Callable[..., str]) -> None:
    name = table()
    path = loader.folder / f"{name}.gz"
    rows = [{"account": "main", "id": each, "amount": 0.1} for each in (1, 2)]
    rows.append({"account": "main", "id": 1, "name": "latest"})
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    batch = {
        "type": "BATCH",
        "stream": name,
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "manifest": [path.as_uri()],
    }
    loader.load([schema(name), *numbered(name, 1), json.dumps(batch)])
    found = loader.query(f"SELECT id, amount::text, name FROM emag.{name} ORDER BY id")
    assert found == [(0, None, None), (1, None, "latest"), (2, "0.1", None)]


def test_null_characters_are_replaced_where_this_is_set(
    loader: Loader, table: Callable[..., str]
) -> None:
    name = table()
    loader.load([schema(name), *numbered(name, 1, name="a\0b")], sanitize_null_text_characters=True)
    assert loader.query(f"SELECT name FROM emag.{name}") == [("a\ufffdb",)]


def test_a_value_of_another_type_than_its_column_is_stored_as_json(
    loader: Loader, table: Callable[..., str]
) -> None:
    """As in a table of an earlier release, or one made by hand."""
    columns = PREPARED.replace("jsonb", "text").replace("flag boolean", "flag text")
    name = table(columns=columns)
    values = {"flag": True, "details": {"a": [1, True]}, "tags": ["a", "b"], "amount": 5}
    loader.load([schema(name), *numbered(name, 1, **values)])
    found = loader.query(f"SELECT flag, details, tags, amount FROM emag.{name}")
    assert found == [("true", '{"a": [1, true]}', '["a", "b"]', 5)]


def test_two_loaders_write_the_same_rows_at_the_same_time(
    loader: Loader, table: Callable[..., str]
) -> None:
    """As a job of each night does that reads again what the job of each minute reads."""
    name = table()
    lines = numbered(name, 3000, name="x" * 200)
    with (
        loader.start(batch_size_rows=500) as one,
        loader.start(batch_size_rows=500) as other,
    ):
        for process, order in ((one, lines), (other, lines[::-1])):
            assert process.stdin
            process.stdin.write("\n".join([schema(name), *order]))
            process.stdin.close()
        assert (one.wait(), other.wait()) == (0, 0)
    assert loader.query(f"SELECT count(*) FROM emag.{name}") == [(3000,)]


def test_a_method_of_the_sink_has_one_of_the_same_name_to_override(loader: Loader) -> None:
    """A release of the loader or of its SDK may rename one."""
    code = """
from tap_emag.loader_sink import EmagLoader, EmagSink, Reader
for kind in (EmagLoader, EmagSink, Reader):
    own = {name for name in vars(kind) if not name.startswith("__")} - {"_written"}
    print(sorted(name for name in own if not hasattr(kind.__base__, name)))
"""
    command: list[Path | str] = [loader.command.with_name("python"), "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]"] * 3
