"""What cannot work says what to do, once, without a stack of code and without a secret."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.acceptance.conftest import Place

pytestmark = pytest.mark.meltano

USER, PASSWORD = "owner@shop.example.invalid", "p4ss„țintă”w0rd"
MOST_REQUESTS = 3
SETTINGS, REFUSED, ELSE = 2, 3, 1


@dataclass(frozen=True)
class Outcome:
    """How the command ended, what it told its user, and what it told the target."""

    code: int
    told: str
    messages: str

    @property
    def problems(self) -> list[str]:
        return [line for line in self.told.splitlines() if "CRITICAL" in line]


@pytest.fixture
def shop() -> Iterator[Sandbox]:
    config = SandboxConfig(orders=50, offers=20, username=USER, password="another one")
    with Sandbox(config) as shop:
        yield shop


@pytest.fixture
def tap(tmp_path: Path) -> Callable[..., Outcome]:
    """Run the command itself, as Meltano does."""

    def run(**settings: Any) -> Outcome:  # noqa: ANN401 - as many types as settings
        config = tmp_path / "config.json"
        quick = {"retry_wait_min_seconds": 0.1, "retry_wait_max_seconds": 0.2}
        given = {"username": USER, "password": PASSWORD, **quick, **settings}
        config.write_text(json.dumps(given), encoding="utf-8")
        done = subprocess.run(
            [Path(sys.executable).with_name("tap-emag"), "--config", config],
            check=False,
            capture_output=True,
            timeout=60,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        )
        return Outcome(done.returncode, done.stderr.decode(), done.stdout.decode())

    return run


def check(outcome: Outcome, code: int, *problems: str) -> None:
    """See that each problem is told in one line, and nothing is told that should not be."""
    assert outcome.code == code, outcome.told
    assert len(outcome.problems) == len(problems), outcome.told
    for line, pattern in zip(outcome.problems, problems, strict=True):
        assert re.search(pattern, line), line
    check_discreet(outcome.told)
    check_discreet(outcome.messages)


def check_discreet(output: str) -> None:
    secrets = [PASSWORD, "p4ss", "w0rd", USER, USER.partition("@")[0]]
    secrets += [b64encode(f"{USER}:{PASSWORD}".encode()).decode(), "Authorization", "Basic "]
    assert [each for each in secrets if each in output] == []
    assert "Traceback" not in output


def test_a_wrong_password_is_refused_with_one_message(
    shop: Sandbox, tap: Callable[..., Outcome]
) -> None:
    check(tap(api_url=shop.url), REFUSED, "refuses the user or password.*Check `username`")
    assert 1 <= len(shop.log) <= MOST_REQUESTS


def test_an_unregistered_address_is_told_where_to_register(
    shop: Sandbox, tap: Callable[..., Outcome]
) -> None:
    shop.set(allowed_ip=False)
    check(tap(api_url=shop.url), REFUSED, r"refuses this machine's IP.*127\.0\.0\.1.*Register it")
    assert 1 <= len(shop.log) <= MOST_REQUESTS


def test_an_unknown_marketplace_is_told_which_there_are(
    shop: Sandbox, tap: Callable[..., Outcome]
) -> None:
    outcome = tap(api_url=shop.url, marketplace="amazon")
    check(outcome, SETTINGS, "marketplace: 'amazon' is unknown; use one of emag_ro, emag_bg")
    assert len(shop.log) == 0


def test_each_bad_date_is_told_how_to_write_it(shop: Sandbox, tap: Callable[..., Outcome]) -> None:
    outcome = tap(api_url=shop.url, start_date="yesterday", end_date="2026-13-01")
    check(
        outcome,
        SETTINGS,
        "start_date: 'yesterday' is not a date; write one such as",
        "end_date: '2026-13-01' is not a date; write one such as",
    )
    assert len(shop.log) == 0


def test_dates_the_wrong_way_round_are_told(shop: Sandbox, tap: Callable[..., Outcome]) -> None:
    outcome = tap(api_url=shop.url, start_date="2025-06-01", end_date="2025-05-01")
    check(outcome, SETTINGS, "end_date: .* is not after start_date .*; write a later date")
    assert len(shop.log) == 0


def test_a_start_in_the_future_is_told(shop: Sandbox, tap: Callable[..., Outcome]) -> None:
    outcome = tap(api_url=shop.url, start_date="2200-01-01")
    check(outcome, SETTINGS, "start_date: .* is in the future; write an earlier date")
    assert len(shop.log) == 0


def test_all_that_is_wrong_is_told_at_once(shop: Sandbox, tap: Callable[..., Outcome]) -> None:
    outcome = tap(api_url=shop.url, password="", order_types=[4], retry_max_attempts="many")
    check(outcome, SETTINGS, "password: is missing", "order_types: ", "retry_max_attempts: ")
    assert len(shop.log) == 0


def test_a_host_that_does_not_answer_is_told_with_its_address(tap: Callable[..., Outcome]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/api-3"
        check(tap(api_url=url), ELSE, f"no connection to {re.escape(url)}. Check `api_url`")


def test_meltano_passes_the_message_on_and_fails(
    shop: Sandbox, new_place: Callable[[], Place]
) -> None:
    project = new_place().project(shop, username=USER, password=PASSWORD)
    result = project.run("tap-emag", "target-postgres", check=False)
    assert result.returncode != 0
    assert project.last_run() == "FAIL"
    assert (
        len(re.findall("(?m)refuses the user or password.*has the API right$", result.output)) == 1
    )
    check_discreet(result.output)
    assert 1 <= len(shop.log) <= MOST_REQUESTS
