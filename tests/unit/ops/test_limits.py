"""`emag-ops limits` shows what budgets are at, and books nothing by looking."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.api.rate_limit_local import LocalStore
from tap_emag.api.rate_limiter import Limiter
from tap_emag.metrics import Totals
from tap_emag.settings.settings import Settings
from tap_emag.state.store import StateStore
from tests.support.command import Command, run
from tests.support.stores import rows

if TYPE_CHECKING:
    from emag_sandbox.postgres.server import Postgres

OPS = str(Path(sys.executable).with_name("emag-ops"))
SHOP = SandboxConfig(orders=40, offers=20, history_days=10)


def look(folder: Path, *options: str) -> str:
    command = [OPS, "limits", "--state-dir", str(folder), *options]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def documents(folder: Path, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(look(folder, "--json", *options))
    return found


def buckets(folder: Path, *options: str) -> dict[str, dict[str, Any]]:
    return {each["operation_type"]: each for each in documents(folder, *options)}


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


def test_accounts_of_another_host_are_shown_too(tmp_path: Path, database: Postgres) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    options = ("--rate-limit-store", database.dsn)
    with Sandbox(SHOP) as sandbox:
        for folder, account_type in ((here, "main"), (there, "fbe")):
            given = {"account_type": account_type, "rate_limit_store": database.dsn}
            assert run(folder, sandbox, streams="products", **given).code == 0
        asked = len(list(sandbox.log))
    seen = {each["account_type"]: each for each in documents(here / "state", *options)[1::2]}
    assert {name: each["requests_last_minute"] for name, each in seen.items()} == {
        "main": asked,  # one user has one budget, whatever the host
        "fbe": asked,
    }
    assert (seen["main"]["host"], seen["fbe"]["host"]) == (None, platform.node())
    assert ("waits" in seen["main"], "waits" in seen["fbe"]) == (True, False)
    text = look(here / "state", *options)
    assert f"circuit breakers are on the host {platform.node()}: emag_ro/fbe" in text
    assert "one budget, counted once: emag_ro/fbe, emag_ro/main" in text
    left = look(here / "state", *options, "--forget", "emag_ro/fbe")
    assert "emag_ro/main" in left
    assert "emag_ro/fbe" not in left


@pytest.mark.parametrize("place", ["file", "postgres"])
@pytest.mark.parametrize("scope", [None, "user_and_host"])
def test_two_hosts_of_one_user_share_a_budget_by_the_scope(
    tmp_path: Path, request: pytest.FixtureRequest, scope: str | None, place: str
) -> None:
    dsn = request.getfixturevalue("database").dsn if place == "postgres" else None
    given: dict[str, Any] = {"state_dir": str(tmp_path / "state"), "streams": "products,orders"}
    given |= {"rate_limit_scope": scope, "rate_limit_store": dsn}
    with Sandbox(SHOP) as first, Sandbox(replace(SHOP, timezone="Europe/Budapest")) as second:
        taps = [
            Command(tmp_path / name, sandbox, marketplace=name, **given)
            for name, sandbox in (("emag_ro", first), ("emag_hu", second))
        ]
        assert [tap.finish().code for tap in taps] == [0, 0]
        asked = {
            name: Counter(each.bucket for each in sandbox.log)
            for name, sandbox in (("emag_ro", first), ("emag_hu", second))
        }
    options = ["--rate-limit-store", dsn] if dsn else []
    text, seen = look(tmp_path / "state", *options), documents(tmp_path / "state", *options)
    assert len(seen) == 4
    everyone = ["emag_hu/main", "emag_ro/main"]
    for each in seen:
        bucket, name = each["operation_type"], each["marketplace"]
        alone = asked[name][bucket]
        together = sum(each[bucket] for each in asked.values())
        assert each["requests_last_minute"] == (together if scope is None else alone)
        assert each["requests_last_minute"] <= each["limit_per_minute"]
        assert each["budget_of"] == (everyone if scope is None else [f"{name}/main"])
        assert asked["emag_ro"][bucket] > 0 < asked["emag_hu"][bucket]
    assert ("one budget, counted once: emag_hu/main, emag_ro/main" in text) is (scope is None)


def test_requests_to_two_hosts_keep_the_limit_of_one(store: StateStore) -> None:
    now = datetime.now(timezone.utc)
    given = {"username": "demo", "password": "demo", "rate_limit_share": 1}
    limiters = [
        Limiter(LocalStore(store, settings.budget_identity, 1))
        for name in ("emag_ro", "emag_bg", "emag_hu")
        for settings in [Settings.from_config({**given, "marketplace": name}, now)]
    ]
    for turn in range(10):
        limiters[turn % 3].take("other")
    with LocalStore(store, "demo", 1).open("other") as (budget, _):
        left = list(budget.left)
    assert len(left) == 10
    assert all(later - sooner >= 1.0 for sooner, later in zip(left, left[3:], strict=False))


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    assert "No tap has kept a budget" in look(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_accounts_are_shown_in_one_table_and_one_of_them_alone(tmp_path: Path) -> None:
    with Sandbox(SHOP) as sandbox:
        for marketplace in ("emag_ro", "emag_bg"):
            settings = {"marketplace": marketplace, "state_dir": str(tmp_path / "state")}
            assert run(tmp_path / marketplace, sandbox, streams="products", **settings).code == 0
    folder = tmp_path / "state"
    both = look(folder)
    assert "emag_ro/main" in both
    assert "waits and waited are counted together: emag_bg/main, emag_ro/main" in both
    found = documents(folder, "--account", "emag_bg/main")
    assert {each["marketplace"] for each in found} == {"emag_bg"}

    # One that is read no more leaves the table and the metrics; no stale alert is left of it.
    assert {each["marketplace"] for each in documents(folder, "--forget", "emag_bg/main")} == {
        "emag_ro"
    }
    samples = Totals(StateStore(folder)).read().values
    owners = [dict(labels).get("marketplace") for _, labels in samples]
    assert set(owners) == {None, "emag_ro"}
    kept = [name for name, labels in samples if dict(labels).get("account_type") == "main"]
    assert "emag_rate_limit_hits_total" in kept
    wrong = subprocess.run(
        [OPS, "limits", "--state-dir", str(folder), "--forget", "emag_bg/main"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert wrong.returncode == 2
    assert "--forget: no such account has kept a budget here; write one of these: emag_ro/main" in (
        wrong.stderr
    )
    assert documents(folder, "--forget", "emag_ro/main") == []
    assert Totals(StateStore(folder)).read().values == {}
