"""`emag-ops limits` shows what budgets are at, and books nothing by looking."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.state.store import StateStore
from tests.support.command import run
from tests.support.stores import rows

if TYPE_CHECKING:
    from emag_sandbox.postgres.server import Postgres

OPS = str(Path(sys.executable).with_name("emag-ops"))
SHOP = SandboxConfig(orders=40, offers=20, history_days=10)


def look(folder: Path, *options: str) -> str:
    command = [OPS, "limits", "--state-dir", str(folder), *options]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def buckets(folder: Path, *options: str) -> dict[str, dict[str, Any]]:
    found = json.loads(look(folder, "--json", *options))
    return {each["operation_type"]: each for each in found}


def test_what_left_is_what_the_server_saw(tmp_path: Path) -> None:
    with Sandbox(SHOP) as sandbox:
        assert run(tmp_path, sandbox, streams="orders,products").code == 0
        seen = buckets(tmp_path / "state")
        asked = [request.bucket for request in sandbox.log]
    for bucket, usual in (("orders", 10.8), ("other", 2.7)):
        assert seen[bucket]["requests_last_minute"] == asked.count(bucket) > 0
        assert (seen[bucket]["rate"], seen[bucket]["usual_rate"]) == (usual, usual)
        assert not seen[bucket]["breaker_open"]
    before = rows(StateStore(tmp_path / "state"), "SELECT * FROM rate_limits")
    look(tmp_path / "state")
    assert rows(StateStore(tmp_path / "state"), "SELECT * FROM rate_limits") == before
    assert len(before) == 2


def test_refusals_slow_the_rate_that_is_shown(tmp_path: Path) -> None:
    with Sandbox(replace(SHOP, fail_next=["ok", "429", "429"])) as sandbox:
        assert run(tmp_path, sandbox, streams="products").code == 0
    other = buckets(tmp_path / "state")["other"]
    assert other["refusals"] == 2
    assert other["rate"] < other["usual_rate"]


def test_an_open_breaker_is_told_with_its_reason(tmp_path: Path) -> None:
    with Sandbox(SHOP) as sandbox:
        assert run(tmp_path, sandbox, password="wrong", streams="products").code == 3
    text = look(tmp_path / "state")
    assert "open, " in text
    assert "refuses the user or password" in text
    assert buckets(tmp_path / "state")["other"]["breaker_open"]
    closed = buckets(tmp_path / "state", "--close-breakers")["other"]
    assert not closed["breaker_open"]
    with Sandbox(SHOP) as sandbox:
        again = run(tmp_path, sandbox, password="wrong", streams="products")
    assert again.code == 3, "it asked at once"


def test_an_open_breaker_of_the_rest_helpers_is_shown(tmp_path: Path) -> None:
    with Sandbox(replace(SHOP, resource_faults={"commission": "500"})) as sandbox:
        quick = {"breaker_failure_threshold": 3, "retry_max_attempts": 3}
        run(tmp_path, sandbox, streams="products,commissions", **quick)
    text = look(tmp_path / "state")
    [line] = [line for line in text.splitlines() if line.startswith("breaker of the REST helpers")]
    assert "emag_ro/main: open, " in line
    assert "HTTP 500" in line
    other = buckets(tmp_path / "state")["other"]
    assert (other["breaker_open"], other["rest_breaker_open"]) == (False, True)


def test_budgets_in_postgres_are_shown_too(tmp_path: Path, database: Postgres) -> None:
    with Sandbox(SHOP) as sandbox:
        ended = run(tmp_path, sandbox, streams="products", rate_limit_store=database.dsn)
        assert ended.code == 0
        asked = len(list(sandbox.log))
    seen = buckets(tmp_path / "state", "--rate-limit-store", database.dsn)
    assert seen["other"]["requests_last_minute"] == asked


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    assert "No tap has kept a budget" in look(tmp_path / "none")
    assert not (tmp_path / "none").exists()
