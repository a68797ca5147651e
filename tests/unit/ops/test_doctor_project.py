"""`emag-ops doctor` and what a project has besides eMAG: Postgres, Meltano, files, disks."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tap_emag.ops.doctor.machine import check_disks, check_secret_files
from tap_emag.ops.doctor.meltano import check_locks, check_meltano
from tap_emag.ops.doctor.postgres import check_postgres
from tap_emag.ops.doctor.report import Report
from tap_emag.ops.meltano.pipelines import OwnPipelines
from tap_emag.ops.tables.declared import declared_tables
from tap_emag.ops.tables.prepare import Preparation
from tap_emag.ops.warehouse import parameters_of
from tap_emag.state.run_lock import only_run
from tests.unit.ops.booked import STATE_ID, THEIRS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emag_sandbox.postgres.server import Postgres
    from tap_emag.state.store import StateStore
    from tests.unit.ops.booked import Books

USER, PASSWORD, SCHEMA = "loader_of_someone", "a-password-nobody-guesses", "shop_rows"


def settings_of(server: Postgres, /, **values: object) -> dict[str, Any]:
    return {
        "host": server.host,
        "port": server.port,
        "user": server.user,
        "password": server.password,
        "database": server.database,
        "default_target_schema": SCHEMA,
        **values,
    }


def lines_of(report: Report) -> dict[str, str]:
    return {line.check.removeprefix("Postgres: "): line.status for line in report.lines}


@pytest.fixture
def plain_user(database: Postgres) -> Iterator[str]:
    """A user that may log in, and nothing else."""
    name = f"{USER}_{uuid4().hex[:6]}"
    role = sql.Identifier(name)
    with database.connect() as connection:
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        connection.execute(create.format(role, sql.Literal(PASSWORD)))
        connection.commit()
        yield name
        connection.rollback()
        for statement in ("REASSIGN OWNED BY {} TO CURRENT_USER", "DROP OWNED BY {}"):
            connection.execute(sql.SQL(statement).format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))
        connection.commit()


def text_of(report: Report, check: str) -> str:
    return next(line.text for line in report.lines if line.check.endswith(f": {check}"))


def test_a_good_server_is_ok(database: Postgres) -> None:
    report = Report()
    check_postgres(report, settings_of(database))
    assert lines_of(report) == dict.fromkeys(
        ("login", "version", "encryption", "rights", "tables"), "ok"
    )
    report = Report()
    address = f"postgresql+psycopg://{database.user}:{database.password}@{database.host}"
    address = f"{address}:{database.port}/{database.database}"
    check_postgres(report, {"sqlalchemy_url": address, "default_target_schema": SCHEMA})
    assert set(lines_of(report).values()) == {"ok"}


ENCRYPTED: dict[str, object] = {"ssl_enable": True, "ssl_mode": "require"}


class Wrong(NamedTuple):
    values: dict[str, object]
    text: str
    remedy: str


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong({"port": 1}, "nothing listens", "TARGET_POSTGRES_HOST and PORT"),
        Wrong({"database": "nowhere_at_all"}, "no such database", "TARGET_POSTGRES_DATABASE"),
        Wrong({"host": "nowhere.invalid"}, "name is not known", "TARGET_POSTGRES_HOST"),
        Wrong({**ENCRYPTED, "ssl_certificate_authority": __file__}, "not encrypt", "SSL_ENABLE"),
        Wrong(ENCRYPTED, "SSL_CERTIFICATE_AUTHORITY: is not a file", "?sslmode=require"),
        Wrong({"password": None, "user": ""}, "TARGET_POSTGRES_PASSWORD", ".env"),
        Wrong(
            {"sqlalchemy_url": "nothing of an address"},
            "SQLALCHEMY_URL: is not an address",
            "write",
        ),
    ],
    ids=lambda wrong: wrong.text,
)
def test_a_login_that_fails_names_the_setting(database: Postgres, wrong: Wrong) -> None:
    report = Report()
    check_postgres(report, settings_of(database, **wrong.values))
    [line] = report.lines
    assert line.status == "fault"
    assert wrong.text in line.text
    assert wrong.remedy in line.remedy


@pytest.mark.parametrize("password", ["it's l%de\"r \\1", "m3lt@no/ ü", "a+b?c=d&e"])
def test_an_address_may_have_a_password_of_any_characters(password: str) -> None:
    address = f"postgresql+psycopg://me:{quote(password, safe='')}@db:5433/emag?sslmode=require"
    assert parameters_of({"sqlalchemy_url": address}) == {
        "user": "me",
        "password": password,
        "host": "db",
        "port": 5433,
        "dbname": "emag",
        "sslmode": "require",
    }


def test_names_of_services_are_shown_and_other_names_are_not() -> None:
    report = Report()
    report.discretion.names(["emag", "maria"])
    report.warn("runs", "of maria", "`emag-ops list-runs` shows why")
    [line] = report.lines
    assert "maria" not in line.text
    assert line.remedy == "`emag-ops list-runs` shows why"


def test_a_user_without_rights_is_a_fault(database: Postgres, plain_user: str) -> None:
    given = settings_of(database, user=plain_user, password=PASSWORD)
    report = Report()
    check_postgres(report, {**given, "password": "another-word"})
    [line] = report.lines
    assert "refuses the password" in line.text
    assert "TARGET_POSTGRES_PASSWORD" in line.remedy
    report = Report()
    check_postgres(report, given)
    assert lines_of(report)["rights"] == "fault"
    with database.connect() as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
        connection.execute(sql.SQL("CREATE TABLE {}.orders ()").format(sql.Identifier(SCHEMA)))
        connection.commit()
        report = Report()
        check_postgres(report, given)
        assert "may not create tables" in text_of(report, "rights")
        rights = sql.SQL("GRANT USAGE, CREATE ON SCHEMA {} TO {}")
        connection.execute(rights.format(sql.Identifier(SCHEMA), sql.Identifier(plain_user)))
        connection.commit()
        report = Report()
        check_postgres(report, given)
        assert "1 of 1 tables" in text_of(report, "rights")
        owner = sql.SQL("ALTER TABLE {}.orders OWNER TO {}")
        connection.execute(owner.format(sql.Identifier(SCHEMA), sql.Identifier(plain_user)))
        connection.commit()
    report = Report()
    check_postgres(report, given)
    assert lines_of(report)["rights"] == "ok"
    text = " ".join(f"{line.text} {line.remedy}" for line in report.lines)
    for secret in (plain_user, PASSWORD, database.host, str(database.port)):
        assert secret not in text


def test_tables_of_an_earlier_version_are_a_warning_until_they_are_prepared(
    database: Postgres,
) -> None:
    with database.connect() as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
        connection.execute(
            sql.SQL(
                "CREATE TABLE {}.vat_rates (marketplace text, account_type text, vat_id bigint,"
                " _sdc_batched_at timestamp)"
            ).format(sql.Identifier(SCHEMA))
        )
        connection.commit()
    report = Report()
    check_postgres(report, settings_of(database))
    assert lines_of(report)["tables"] == "warning"
    assert "such as vat_rates" in text_of(report, "tables")
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        assert Preparation(connection, SCHEMA, declared_tables([])).run().problems == []
    report = Report()
    check_postgres(report, settings_of(database))
    assert lines_of(report)["tables"] == "ok"


def looked_at(books: Books) -> dict[str, str]:
    report = Report()
    check_meltano(report, books.place, OwnPipelines.of_project(books.root))
    found: dict[str, str] = {
        line.check.removeprefix("Meltano: "): line.status for line in report.lines
    }
    text = " ".join(f"{line.text} {line.remedy}" for line in report.lines)
    assert STATE_ID not in text
    assert str(books.root) not in text
    return found


def test_runs_that_are_stuck_are_a_fault(sqlite_books: Books) -> None:
    sqlite_books.book(THEIRS, minutes=300)
    usual = ("database", "state", "stuck runs", "last runs", "left files")
    assert looked_at(sqlite_books) == dict.fromkeys(usual, "ok"), "another project's run"
    sqlite_books.book(minutes=30)
    assert looked_at(sqlite_books)["stuck runs"] == "fault"


def test_a_pipeline_whose_last_run_failed_is_a_warning(sqlite_books: Books) -> None:
    sqlite_books.book(minutes=30, state="FAIL", ended=28)
    assert looked_at(sqlite_books)["last runs"] == "warning"
    sqlite_books.book(minutes=20, state="SUCCESS", ended=18)
    assert looked_at(sqlite_books)["last runs"] == "ok"


def test_bookmarks_are_told_by_age(sqlite_books: Books) -> None:
    sqlite_books.book(minutes=30, state="SUCCESS", ended=28)
    mark = {"partitions": [{"replication_key_value": "2026-01-01T00:00:00+00:00"}]}
    sqlite_books.keep_state(STATE_ID, {"bookmarks": {"orders": mark}})
    report = Report()
    check_meltano(report, sqlite_books.place, OwnPipelines.of_project(sqlite_books.root))
    [line] = [line for line in report.lines if line.check == "Meltano: state"]
    assert line.text.startswith("pipelines with bookmarks: 1; the oldest bookmark is ")


def test_files_with_passwords_of_killed_runs_are_a_warning(sqlite_books: Books) -> None:
    sqlite_books.book(minutes=30, heartbeat=10, state="FAIL", ended=5)
    sqlite_books.config("tap-emag-orders", age=20 * 60)
    assert looked_at(sqlite_books)["left files"] == "warning"


def test_a_database_is_not_there_before_the_first_run(sqlite_books: Books) -> None:
    (sqlite_books.root.parent / "meltano.db").unlink()
    assert looked_at(sqlite_books) == {"database": "ok"}
    (sqlite_books.root.parent / "meltano.db").write_text("not a database")
    assert looked_at(sqlite_books) == {"database": "fault"}


def test_an_unknown_plugin_is_told_with_those_that_are_known(sqlite_books: Books) -> None:
    message = sqlite_books.call("doctor", "--plugin", "tap-shop", code=2)
    assert "--plugin: 'tap-shop' is not an eMAG plugin of this project" in message
    assert "tap-emag-fbe" in message


def test_runs_under_way_are_counted(store: StateStore) -> None:
    report = Report()
    check_locks(report, store)
    with only_run(store, ["a pipeline"]):
        check_locks(report, store)
    check_locks(report, store)
    assert [": 1;" in line.text for line in report.lines] == [False, True, False]


@pytest.mark.parametrize(
    ("mode", "status"), [(0o600, "ok"), (0o640, "warning"), (0o604, "warning")]
)
def test_a_file_with_passwords_is_for_this_user(tmp_path: Path, mode: int, status: str) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / ".env").touch()
    (tmp_path / ".env").chmod(mode)
    report = Report()
    check_secret_files(report, tmp_path, tmp_path / ".meltano")
    assert [line.status for line in report.lines] == [status, "ok"]
    tmp_path.chmod(0o700)
    report = Report()
    check_secret_files(report, tmp_path, tmp_path / ".meltano")
    assert report.lines[0].status == "ok", "the folder keeps others out"


@pytest.mark.parametrize(("free", "status"), [(50, "fault"), (500, "warning"), (5000, "ok")])
def test_a_disk_that_is_nearly_full_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, status: str
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=free * 1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    report = Report()
    check_disks(report, {"state_dir": tmp_path / "not" / "there", "the project": tmp_path})
    assert [(line.check, line.status) for line in report.lines] == [("disk of state_dir", status)]
