"""The real Meltano, the real loader and a real database, through the helpers other tests use."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.demo import __main__ as demo
from emag_sandbox.demo.pipeline import Pipeline, PipelineError, stop
from emag_sandbox.postgres.server import ExternalPostgres, PostgresError
from tests.repository.test_docs import ROOT, _blocks
from tests.support.meltano_project import project_with

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emag_sandbox.postgres.server import Postgres
    from tests.support.meltano_project import MeltanoProject

pytestmark = pytest.mark.meltano


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(SandboxConfig(orders=200, offers=100, history_days=30))


def test_a_run_loads_all_and_keeps_its_state(
    sandbox: Sandbox, meltano_project: Callable[..., MeltanoProject]
) -> None:
    with sandbox as shop:
        project = meltano_project(shop.url, order_types=[3, 2])
        assert project.state() == {}
        result = project.run("emag-ops:prepare-tables", "tap-emag", "target-postgres")
        orders = len(shop.world.order_keys())
    assert result.returncode == 0
    assert project.last_run() == "SUCCESS"
    assert "orders" in project.state()["bookmarks"]
    counts = project.results.counts()
    assert counts["orders"] == orders
    assert counts["products"] == 100
    project.run("emag-ops:create-views")
    with project.postgres.connect() as connection:
        query = "SELECT count(*) FROM emag_marts.fct_order_lines"
        assert connection.execute(query).fetchone() == (counts["order_lines"],)


def test_a_run_that_fails_says_why(
    meltano_project: Callable[..., MeltanoProject],
) -> None:
    project = meltano_project("http://127.0.0.1:9", marketplace="nowhere")
    with pytest.raises(PipelineError, match="nowhere"):
        project.run("tap-emag", "target-postgres")
    assert project.run("tap-emag", "target-postgres", check=False).returncode != 0
    assert project.last_run() != "SUCCESS"


def test_an_account_without_credentials_does_not_take_anothers(
    sandbox: Sandbox, meltano_project: Callable[..., MeltanoProject]
) -> None:
    with sandbox as shop:
        project = meltano_project(shop.url)
        result = project.run("tap-emag-fbe", "target-postgres", check=False)
    assert result.returncode != 0
    assert "username: is missing" in result.output
    assert "password: is missing" in result.output


def test_what_was_started_is_ended_whole(tmp_path: Path, meltano_plugins: Path) -> None:
    environment = {"MELTANO_DATABASE_URI": f"sqlite:///{tmp_path / 'meltano.db'}"}
    pipeline = Pipeline(meltano_plugins, environment, tmp_path / "log")
    process = pipeline.start("invoke", "tap-emag", "--help")
    stop(process)
    assert process.returncode is not None
    stop(process)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_settings_of_the_users_own_stay_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, meltano_plugins: Path
) -> None:
    monkeypatch.setenv("TARGET_POSTGRES_HOST", "production.example")
    monkeypatch.setenv("TAP_EMAG_MARKETPLACE", "emag_hu")
    environment = {"MELTANO_DATABASE_URI": f"sqlite:///{tmp_path / 'meltano.db'}"}
    pipeline = Pipeline(meltano_plugins, environment, tmp_path / "log")
    shown = pipeline.call("config", "print", "target-postgres").output
    assert "production.example" not in shown
    assert "emag_hu" not in pipeline.call("config", "print", "tap-emag").output


def test_make_demo_shows_what_came_and_what_changed(meltano_plugins: Path, tmp_path: Path) -> None:
    # The demo installs the plugins again: never those that other tests run.
    project_with(meltano_plugins, tmp_path / "project", copied=True)
    shown = [each.text for each in _blocks("bash") if each.text == "make demo\n"]
    pages = [each.page for each in _blocks("bash") if each.text.startswith("make demo")]
    assert pages == ["CONTRIBUTING.md", "README.md", "get-started.md"]
    assert len(shown) == len(pages) - 1  # the first page shows more
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {
        **{name: text for name, text in os.environ.items() if name != "DATABASE_URL"},
        "ARGS": f"--orders 300 --offers 120 --folder {tmp_path}",
        "TMPDIR": str(temporary),
    }
    # The environment that the tests run in stays as it is, were it out of date.
    command = shown[0].replace("make", "make -o .venv/.ready", 1)
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"product_history +120 +25 +145", done.stdout)
    assert "Sales of the last seven days" in done.stdout
    assert "(no rows)" not in done.stdout
    report = tmp_path / "report.html"
    assert done.stdout.splitlines()[-1].endswith(f": {report}")
    assert report.stat().st_size > 1_000_000
    left = [each for each in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(each.info)]
    assert left == []
    assert list(temporary.iterdir()) == []


def test_a_demo_of_too_few_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["demo", "--orders", "3"])
    with pytest.raises(SystemExit):
        demo.main()
    assert "--orders: 3 is too few; write 50 or more" in capsys.readouterr().err


def test_the_demo_leaves_a_used_database_alone(database: Postgres) -> None:
    with database.connect() as connection:
        connection.execute("CREATE SCHEMA emag")
        connection.execute("CREATE TABLE emag.orders AS SELECT 1 AS mine")
    given = ExternalPostgres(
        host=database.host,
        port=database.port,
        user=database.user,
        password=database.password,
        database=database.database,
    )
    with pytest.raises(PostgresError, match="name an empty database"):
        demo._refuse_a_used(given)


def test_ctrl_c_ends_the_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    monkeypatch.setattr(demo, "FOLDER", tmp_path / "demo")
    monkeypatch.setattr(demo.Demo, "play", interrupted)
    monkeypatch.setattr("sys.argv", ["demo"])
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert demo.main() == 130
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
