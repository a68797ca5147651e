"""What a page shows to be pasted is run where it is meant to be pasted, taken from the page.

Commands run in one project with the sandbox and a Postgres. `RUN_BY` lists those that another test
runs, `NOT_HERE` the only ones that none does, each with a reason. SQL, Python and JSON are run in
`test_docs.py`, the messages and the receiver of `webhooks.md` in `test_webhook_docs.py`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import yaml
from dotenv import dotenv_values

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.demo.pipeline import Pipeline
from emag_sandbox.postgres.server import LocalPostgres
from tap_emag.ops.accounts.project import text_of, write
from tap_emag.ops.accounts.table import parse
from tests.e2e.monitoring.servers import free_port, prometheus, read, serving
from tests.repository.test_docs import PAGES, ROOT, _blocks
from tests.support.declared import declared
from tests.support.meltano_project import project_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emag_sandbox.postgres.server import Postgres
    from tests.repository.test_docs import Block
    from tests.support.forked import Forked

meltano = pytest.mark.meltano

RUN_ELSEWHERE = {"sql", "python", "py", "json"}
SHOWN_ONLY = {"", "diff", "mermaid"}  # output, drawings, mutants
COMMAND = re.compile(r"(?m)^(\.venv/|sudo |psql |meltano |docker |curl |make |export |[A-Z_]+=)")
AIRFLOW, DAGSTER = (f"tests/e2e/orchestrate/test_{name}.py::" for name in ("airflow", "dagster"))
MANY_ACCOUNTS = "tests/e2e/orchestrate/test_many_accounts.py::test_accounts_leave_each_other_alone"
DEMO = "tests/e2e/test_pipeline.py::test_make_demo_shows_what_came_and_what_changed"
SETUP = (
    "tests/repository/test_make.py::"
    "test_make_setup_makes_an_environment_in_which_meltano_and_the_tap_start"
)
EXISTING = (
    "tests/e2e/test_existing_project.py::test_a_project_of_ones_own_reads_the_shop_as_the_page_says"
)
ACCOUNTS = (
    "tests/e2e/test_accounts.py::"
    "test_accounts_of_a_table_are_loaded_each_with_its_own_user_and_shop"
)
SINGER = "tests/e2e/test_without_meltano.py::"
SERVER = (
    "tests/e2e/deploy/test_server_blocks.py::"
    "test_a_server_s_block_runs_to_its_end_and_names_what_is_there"
)
# The beginning of a block, after the name of its page, and the test that runs what the page shows.
RUN_BY = {
    "airflow.md: .venv/bin/uv venv": AIRFLOW + "test_each_schedule_is_a_dag",
    "airflow.md: . .airflow/bin/activate": AIRFLOW + "test_each_schedule_is_a_dag",
    "airflow.md: airflow db migrate": AIRFLOW + "test_each_account_has_a_pool_with_one_slot",
    "airflow.md: airflow dags test": AIRFLOW + "test_a_run_loads_what_the_shop_has",
    "airflow.md: airflow standalone": (
        AIRFLOW + "test_standalone_runs_what_is_unpaused_and_triggered"
    ),
    "airflow.md: airflow dags unpause": (
        AIRFLOW + "test_standalone_runs_what_is_unpaused_and_triggered"
    ),
    "airflow.md: (umask 077 && openssl": MANY_ACCOUNTS,
    "airflow.md: export AIRFLOW__CORE__EXECUTOR": MANY_ACCOUNTS,
    "airflow.md: export AIRFLOW__DATABASE__SQL": MANY_ACCOUNTS,
    "airflow.md: airflow api-server": MANY_ACCOUNTS,
    "airflow.md: airflow edge worker": MANY_ACCOUNTS,
    "dagster.md: .venv/bin/uv venv": DAGSTER + "test_assets_load_exactly_what_the_shop_has",
    "dagster.md: export DAGSTER_HOME": (
        DAGSTER + "test_its_servers_serve_the_page_and_schedules_are_turned_on"
    ),
    "dagster.md: .dagster/venv/bin/dagster job execute": (
        DAGSTER + "test_assets_load_exactly_what_the_shop_has"
    ),
    "dagster.md: ops:": DAGSTER + "test_a_full_refresh_is_asked_for_by_a_run_s_variables",
    "dagster.md: .dagster/venv/bin/dagster schedule start": (
        DAGSTER + "test_its_servers_serve_the_page_and_schedules_are_turned_on"
    ),
    "dagster.md: .dagster/venv/bin/dagster instance concurrency": (
        DAGSTER + "test_its_servers_serve_the_page_and_schedules_are_turned_on"
    ),
    "dagster.md: .dagster/venv/bin/dagster sensor preview": (
        DAGSTER + "test_the_sensor_starts_the_clean_up_when_a_run_is_stuck"
    ),
    "dagster.md: .dagster/venv/bin/dagster-daemon run": (
        DAGSTER + "test_its_servers_serve_the_page_and_schedules_are_turned_on"
    ),
    "dagster.md: .dagster/venv/bin/dagster instance migrate": MANY_ACCOUNTS,
    "dagster.md: .dagster/venv/bin/dagster api grpc": MANY_ACCOUNTS,
    "dagster.md: load_from:": MANY_ACCOUNTS,
    "README.md: make demo": DEMO,
    "get-started.md: make demo": DEMO,
    "README.md: make setup": SETUP,
    "get-started.md: make setup": SETUP,
    "accounts.md: accounts:": ACCOUNTS,
    "accounts.md: .venv/bin/meltano invoke emag-ops accounts": ACCOUNTS,
    "accounts.md: .venv/bin/meltano invoke emag-ops doctor --plugin tap-emag-bg": ACCOUNTS,
    "accounts.md: .venv/bin/meltano state clear": ACCOUNTS,
    "accounts.md: .venv/bin/meltano invoke emag-ops limits": ACCOUNTS,
    "accounts.md: defaults:": (
        "tests/unit/ops/test_accounts.py::test_the_pages_table_of_many_accounts_is_one"
    ),
    "existing-project.md: meltano add": EXISTING,
    "existing-project.md: meltano install": EXISTING,
    "existing-project.md: meltano invoke": EXISTING,
    "existing-project.md: meltano run": EXISTING,
    "existing-project.md: plugins:": EXISTING,
    "report.md: .venv/bin/meltano": (
        "tests/transform/test_questions.py::"
        "test_the_command_names_the_report_which_only_its_owner_reads"
    ),
    "runs.md: .venv/bin/meltano state merge": (
        "tests/e2e/acceptance/test_one_pipeline.py::"
        "test_a_second_pipeline_is_refused_until_it_takes_the_bookmarks_over"
    ),
    "metrics.md: cd monitoring/prometheus": (
        "tests/e2e/monitoring/test_rules.py::test_alerts_fire_when_they_should_and_only_then"
    ),
    "running.md: .venv/bin/python -m tools.schedule_files": (
        "tests/e2e/deploy/test_examples.py::"
        "test_the_page_s_command_writes_what_follows_from_the_schedules"
    ),
    "sandbox.md: .venv/bin/python -m emag_sandbox.postgres": (
        "tests/unit/sandbox/postgres/test_local_postgres.py::"
        "test_the_command_prints_its_address_for_the_env_file_and_serves_until_ctrl_c"
    ),
    "sandbox.md: make sandbox": (
        "tests/repository/test_make.py::test_make_sandbox_serves_until_ctrl_c"
    ),
    "without-meltano.md: mkdir -p .singer": SINGER + "test_json_lines_are_exact",
    "without-meltano.md: .venv/bin/tap-emag --config": SINGER + "test_json_lines_are_exact",
    "without-meltano.md: cat > .singer/sync.sh": SINGER + "test_json_lines_are_exact",
    "without-meltano.md: .venv/bin/uv venv --python .venv/bin/python .singer/jsonl": (
        SINGER + "test_json_lines_are_exact"
    ),
    "without-meltano.md: cat > .singer/jsonl.json": SINGER + "test_json_lines_are_exact",
    "without-meltano.md: .venv/bin/uv venv --python .venv/bin/python .singer/csv": (
        SINGER + "test_csv_has_every_row"
    ),
    "without-meltano.md: cat > .singer/csv.json": SINGER + "test_csv_has_every_row",
    "without-meltano.md: .venv/bin/uv venv --python .venv/bin/python .singer/pipelinewise": (
        SINGER + "test_pipelinewise_has_every_row"
    ),
    "without-meltano.md: (umask 077 && cat > .singer/pipelinewise.json": SINGER
    + "test_pipelinewise_has_every_row",
    "without-meltano.md: .venv/bin/uv venv --python .venv/bin/python .singer/duckdb": (
        SINGER + "test_duckdb_has_every_row"
    ),
    "without-meltano.md: cat > .singer/duckdb.json": SINGER + "test_duckdb_has_every_row",
    "running.md: sudo useradd": SERVER,
    "running.md: cd /opt/tap-emag\nsudo -u postgres": SERVER,
    "running.md: sudo install": SERVER,
    "running.md: sudo cp deploy/systemd": SERVER,
    "running.md: cd deploy/compose": SERVER,
    "running.md: docker compose exec": SERVER,
    "running.md: kubectl create": SERVER,
    "running.md: kubectl --namespace tap-emag create secret": SERVER,
    "upgrading.md: cd /opt/tap-emag": SERVER,
    "webhooks.md: { printf": (
        "tests/repository/test_webhook_docs.py::test_its_shell_command_prints_the_signature"
    ),
    'webhooks.md: echo "whsec_': (
        "tests/repository/test_webhook_docs.py::"
        "test_its_standard_secret_is_one_that_tap_and_library_take"
    ),
    "webhooks.md: printf 'whsec_'": (
        "tests/repository/test_webhook_docs.py::"
        "test_its_command_writes_another_secret_as_the_library_expects_it"
    ),
}
# Likewise, and why none runs it.
NOT_HERE = {
    "sizing.md: .venv/bin/python -m benchmarks.accounts": (
        "it takes a quarter of an hour; test_many_accounts.py runs its short form"
    ),
    "CONTRIBUTING.md: make demo": (
        "`make test` runs these tests; `make demo` is README's, and test_make.py runs `make` alone"
    ),
}
FIRST_SYNC = "running.md: sudo -H -u emag .venv/bin/meltano run orders"
SERVES = "metrics.md: .venv/bin/meltano invoke emag-ops metrics"
ASKS = "runbook.md: curl http://localhost:8000/healthz"
READS_ORDERS = [
    f"tap-emag{kind}"
    for kind in (
        *("", "-orders", "-orders-nightly", "-orders-weekly"),
        *("-fbe", "-fbe-orders", "-fbe-orders-nightly", "-fbe-orders-weekly"),
    )
]


def named(block: Block) -> str:
    return f"{block.page}: {block.text}"


def here(block: Block) -> bool:
    return not named(block).startswith((*NOT_HERE, *RUN_BY, SERVES, ASKS))


def in_turn(block: Block) -> tuple[bool, bool]:
    """Sort blocks: state is shown before it is cleared, the sandbox made to fail last."""
    last = "rm -f" in block.text or block.page == "sandbox.md"
    return last, block.page == "state.md" and "state get" not in block.text


# Two pages may show the same block; it is run once.
_HERE = list(filter(here, _blocks("bash")))
_TEXTS = [block.text for block in _HERE]
SHELL = sorted((b for n, b in enumerate(_HERE) if b.text not in _TEXTS[:n]), key=in_turn)
EXTRACTORS = [block for block in _blocks("yaml") if block.text.startswith("  - name: tap-emag")]


@dataclass(frozen=True)
class Place:
    """A checkout as a reader of the pages has it, with a small shop and a database."""

    folder: Path
    shop: Sandbox
    database: Postgres
    environment: Mapping[str, str]

    def shell(self, text: str) -> str:
        """Run a block as if pasted, and return its output; only addresses are those of here."""
        for shown, real in {
            "sudo -H -u emag ": "",
            "/opt/tap-emag": str(self.folder),
            "http://127.0.0.1:8080/api-3": self.shop.url,
            "http://127.0.0.1:8080": self.shop.url.removesuffix("/api-3"),
            "postgresql://user:password@localhost:5432/database": self.database.dsn,
        }.items():
            text = text.replace(shown, real)
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", text],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        assert "ERROR: " not in done.stderr  # psql goes on after an error
        return done.stdout


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, meltano_plugins: Path
) -> Iterator[Place]:
    base = tmp_path_factory.mktemp("pasted")
    folder = project_with(meltano_plugins, base / "project")
    (folder / "transform").symlink_to(ROOT / "transform")
    (folder / ".venv").symlink_to(Path(sys.prefix))
    name = f"tap_emag_test_{uuid4().hex[:12]}"
    database = postgres.create_database(name)
    config = SandboxConfig(
        orders=30,
        offers=6,
        returns=4,
        categories=3,
        localities=5,
        invoices=2,
        customer_invoices=2,
        history_days=9,
        limits=False,
    )
    with Sandbox(config) as shop:
        given = {**database.environment(), "TAP_EMAG_USERNAME": "demo"}
        given |= {"TAP_EMAG_PASSWORD": "demo", "TAP_EMAG_API_URL": shop.url}
        # Less than the year that is read by default, as the pages are not about that.
        begin = datetime.now(timezone.utc) - timedelta(days=config.history_days + 1)
        given["TAP_EMAG_START_DATE"] = f"{begin:%Y-%m-%d}"
        write_env(folder, given)
        clean = Pipeline(folder, {}, base / "log").environment
        clean = {key: text for key, text in clean.items() if not key.startswith("PG")}
        environment = clean | {"XDG_STATE_HOME": str(base / "state")}
        if isinstance(postgres, LocalPostgres):
            environment["PATH"] = f"{postgres.psql.parent}:{clean['PATH']}"
        del environment["MELTANO_ENVIRONMENT"]  # the project's default counts
        yield Place(folder, shop, database, environment)
    postgres.drop_database(name)


def write_env(folder: Path, values: Mapping[str, str | None]) -> None:
    """Write settings to where Meltano reads them."""
    text = "".join(f"{name}='{value}'\n" for name, value in values.items())
    (folder / ".env").write_text(text, encoding="utf-8")


def test_every_block_is_run_or_listed_with_a_reason() -> None:
    taken = {"bash", "dotenv", "yaml", "promql", *RUN_ELSEWHERE, *SHOWN_ONLY}
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    languages = set(re.findall(r"(?m)^ *```(\w+)", text))
    assert languages <= taken
    hidden = [block for block in _blocks(*SHOWN_ONLY) if COMMAND.search(block.text)]
    assert hidden == [], "write ```bash or ```dotenv, so that they are run"
    listed = [*NOT_HERE, *RUN_BY, SERVES, ASKS, FIRST_SYNC]
    shown = [named(block) for block in _blocks("bash", "yaml")]
    begun = [entry for entry in listed if any(each.startswith(entry) for each in shown)]
    assert begun == listed, "an entry for a block that is not there any more"
    kept = [block for block in _blocks("yaml") if not_a_plugin(block)]
    assert [block for block in kept if not named(block).startswith(tuple(RUN_BY))] == []


@pytest.mark.parametrize(("beginning", "test"), RUN_BY.items())
def test_a_block_that_another_test_runs_is_read_from_its_page_there(
    beginning: str, test: str
) -> None:
    path, _, name = test.partition("::")
    file = ROOT / path
    assert re.search(rf"(?m)^def {name}\(", file.read_text(encoding="utf-8"))
    # The test, or what it is helped by.
    helped = [file, *file.parent.glob("*.py")] if file.parents[1].name == "e2e" else [file]
    sources = "".join(each.read_text(encoding="utf-8") for each in helped)
    page, _, command = beginning.partition(": ")
    assert page in sources
    assert command.encode("unicode_escape").decode() in sources


def not_a_plugin(block: Block) -> bool:
    return block not in EXTRACTORS and "extractors:" not in block.text


@meltano
@pytest.mark.parametrize("block", SHELL, ids=str)
def test_a_shell_block_does_what_it_is_meant_to(block: Block, place: Place) -> None:
    text = block.text
    if named(block).startswith(FIRST_SYNC) and not os.environ.get("TAP_EMAG_LONG"):
        # Another block runs all four within the job `emag`.
        text = text.replace("run orders offers returns reference", "run orders")
        assert text != block.text
    place.shell(text)


@meltano
def test_what_was_loaded_by_them_is_there(place: Place) -> None:
    with place.database.connect() as connection:
        [(orders,)] = connection.execute("SELECT count(*) FROM emag_marts.fct_orders").fetchall()
        [(days,)] = connection.execute("SELECT count(*) FROM emag_marts.agg_daily_sales").fetchall()
    assert orders == len(place.shop.world.order_keys())
    assert days


@meltano
def test_the_exporter_answers_what_the_runbook_asks(place: Place, tmp_path: Path) -> None:
    [serves] = [block for block in _blocks("bash") if named(block).startswith(SERVES)]
    [asks] = [block for block in _blocks("bash") if named(block).startswith(ASKS)]
    port = str(free_port())
    command = ["/bin/sh", "-c", f"exec {serves.text.replace('8000', port)}"]
    ready = f"http://127.0.0.1:{port}/metrics"
    options = {"cwd": place.folder, "env": place.environment}
    with serving(command, ready, tmp_path / "log", **options):
        assert "emag_sync_duration_seconds_count" in read(ready)
        assert place.shell(asks.text.replace("8000", port)) == '{"status": "ok"}\n'


@meltano
@pytest.mark.parametrize("block", _blocks("dotenv"), ids=str)
def test_settings_reach_the_tap_from_the_env_file(block: Block, place: Place) -> None:
    before = (place.folder / ".env").read_text(encoding="utf-8")
    (place.folder / ".env").write_text(before + block.text, encoding="utf-8")
    try:
        output = place.shell(".venv/bin/meltano config --unsafe print tap-emag")
    finally:
        (place.folder / ".env").write_text(before, encoding="utf-8")
    found = json.loads(output[output.index("{") :])
    values = dotenv_values(stream=StringIO(block.text))
    assert values
    for name, value in values.items():
        assert found[name.removeprefix("TAP_EMAG_").lower()] == value


def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    lines = [line for block in _blocks("promql") for line in block.text.splitlines()]
    with prometheus(tmp_path, {}) as server:
        for line in lines:
            assert server.get("query", query=line)["status"] == "success"
    assert len(lines) > 5


@meltano
def test_plugins_of_ones_own_read_what_they_select(
    place: Place, tmp_path: Path, meltano_plugins: Path, forked_meltano: Forked
) -> None:
    text = (meltano_plugins / "meltano.yml").read_text(encoding="utf-8")
    names = {}
    for account in ("tap-emag", "tap-emag-fbe"):
        for block in EXTRACTORS:
            added = block.text.replace("tap-emag", account)
            text = text.replace("\n  loaders:\n", f"\n{added}\n  loaders:\n", 1)
            [plugin] = yaml.safe_load(added)
            names[plugin["name"]] = plugin["select"]
    folder = project_with(meltano_plugins, tmp_path / "project")
    (folder / "meltano.yml").write_text(text, encoding="utf-8")
    for plugin, rows in catalogs(place, folder, list(names), forked_meltano).items():
        selected = {name for name, columns in rows.items() if columns}
        assert selected == {pattern.partition(".")[0] for pattern in names[plugin]}, plugin


@meltano
def test_a_column_that_is_left_out_is_left_out_by_every_job_of_both_accounts(
    place: Place, tmp_path: Path, meltano_plugins: Path, forked_meltano: Forked
) -> None:
    [block] = [block for block in _blocks("yaml") if "!orders.customer" in block.text]
    given = yaml.safe_load(block.text)["plugins"]["extractors"]
    folder = project_with(meltano_plugins, tmp_path / "project", *given)
    accounts = parse((ROOT / "accounts.yml").read_text(encoding="utf-8"))
    write(folder, text_of(accounts, folder, {}))
    jobs = declared()["jobs"]
    used = {word for job in jobs for task in job["tasks"] for word in task.split()}
    assert {name for name in used if "orders" in name} <= set(READS_ORDERS)
    for plugin, streams in catalogs(place, folder, READS_ORDERS, forked_meltano).items():
        assert "customer" not in streams["orders"], plugin
        assert {"id", "modified", "status"} <= streams["orders"], plugin


def catalogs(
    place: Place, folder: Path, plugins: list[str], meltano: Forked
) -> dict[str, dict[str, set[str]]]:
    """Return the columns that Meltano selects, by plugin and stream."""
    environment = {**place.environment, "MELTANO_AUTO_INSTALL": "false"}
    environment |= dict.fromkeys(("TAP_EMAG_USERNAME", "TAP_EMAG_FBE_USERNAME"), "demo")
    environment |= dict.fromkeys(("TAP_EMAG_PASSWORD", "TAP_EMAG_FBE_PASSWORD"), "demo")

    environment["MELTANO_DATABASE_URI"] = f"sqlite:///{folder / 'meltano.db'}"

    def catalog(plugin: str) -> dict[str, set[str]]:
        shown, log = folder / f"{plugin}.json", folder / f"{plugin}.log"
        command = [str(place.folder / ".venv/bin/meltano"), "invoke", "--dump=catalog", plugin]
        code = meltano.run(command, folder, environment, stdout=shown, stderr=log)
        assert code == 0, log.read_text(encoding="utf-8")[-3000:]
        streams = json.loads(shown.read_text(encoding="utf-8"))["streams"]
        return {each["stream"]: set(columns(each)) for each in streams}

    return {plugin: catalog(plugin) for plugin in plugins}


def columns(stream: dict[str, Any]) -> Iterator[str]:
    """Give the columns of a stream that its catalog selects."""
    metadata = {tuple(each["breadcrumb"]): each["metadata"] for each in stream["metadata"]}
    if metadata[()].get("selected"):
        for place, each in metadata.items():
            if place and (each.get("selected") or each.get("inclusion") == "automatic"):
                yield place[-1]
