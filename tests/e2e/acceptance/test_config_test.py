"""`meltano config test` and `tap-emag --test` ask the API, and end with a verdict."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.support.api import QUICK
from tests.support.command import COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.meltano_project import MeltanoProject, Result

REFUSED = "eMAG refuses the user or password"


@pytest.fixture
def shop() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(orders=12, offers=3, history_days=5)) as shop:
        yield shop


@pytest.fixture
def nowhere() -> Iterator[str]:
    """Return an address without a listener."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{closed.getsockname()[1]}/api-3"


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    """Run `tap-emag --test`; give its exit code, and what it says beyond notes."""

    def run(url: str, **values: Any) -> tuple[int, list[str]]:  # noqa: ANN401
        config = tmp_path / "config.json"
        config.write_text(json.dumps({**QUICK, "api_url": url, **values}))
        done = subprocess.run(
            [COMMAND, "--config", config, "--test"],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        )
        said = done.stdout.splitlines()
        return done.returncode, said + [line for line in done.stderr.splitlines() if "CRIT" in line]

    return run


def test_good_settings_cost_two_requests(
    shop: Sandbox, asked: Callable[..., tuple[int, list[str]]]
) -> None:
    code, [verdict] = asked(shop.url)
    assert code == 0
    good = r"emag_ro/main: the settings are good; eMAG lets this user in, and counts 1\d orders"
    assert re.fullmatch(good, verdict)
    assert [request.resource for request in shop.log] == ["vat", "order"]


def test_a_wrong_password_costs_three_requests(
    shop: Sandbox, asked: Callable[..., tuple[int, list[str]]]
) -> None:
    code, [line] = asked(shop.url, password="wrong")
    assert code == 3
    assert REFUSED in line
    assert len(shop.log) == 3  # the first, and two of other kinds: it is not that one resource


def test_what_the_breaker_holds_back_is_not_asked(
    shop: Sandbox, asked: Callable[..., tuple[int, list[str]]]
) -> None:
    asked(shop.url, password="wrong")
    code, [line] = asked(shop.url, password="wrong")
    assert code == 5
    assert "no request was made" in line
    assert len(shop.log) == 3


def test_a_host_that_nobody_answers_at(
    nowhere: str, asked: Callable[..., tuple[int, list[str]]]
) -> None:
    code, [line] = asked(nowhere)
    assert code == 1
    assert f"no connection to {nowhere}. Check `api_url`" in line


def test_a_host_that_never_answers(
    shop: Sandbox, asked: Callable[..., tuple[int, list[str]]]
) -> None:
    shop.set(latency=60)
    code, [line] = asked(shop.url, request_timeout_seconds=1)
    assert code == 1
    assert "vat/read: no answer from" in line


def test_a_wrong_setting_is_told_without_asking(
    shop: Sandbox, asked: Callable[..., tuple[int, list[str]]]
) -> None:
    code, [line] = asked(shop.url, start_date="01.02.2026")
    assert code == 2
    assert "start_date: '01.02.2026' is not a date" in line
    assert len(shop.log) == 0


@pytest.mark.meltano
@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({}, "Plugin configuration is valid"),
        ({"password": "wrong"}, REFUSED),
        ({"api_url": "nowhere"}, "no connection to"),
    ],
)
def test_meltano_tests_the_settings(
    shop: Sandbox,
    nowhere: str,
    meltano_project: Callable[..., MeltanoProject],
    values: dict[str, str],
    verdict: str,
) -> None:
    given = {name: nowhere if value == "nowhere" else value for name, value in values.items()}
    project = meltano_project(shop.url, **{**QUICK, **given})
    result: Result = project.pipeline.call("config", "test", "tap-emag-orders", check=False)
    assert verdict in result.output
    assert result.returncode == (1 if values else 0)
    assert ("Plugin configuration is invalid" in result.output) is bool(values)
