"""A run's end is told in the log, stream by stream, and at the webhook; logs can be JSON."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tests.support.command import COMMAND, Command, run
from tests.support.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHOP = SandboxConfig(
    orders=40, offers=20, history_days=10, categories=3, localities=5, limits=False
)
STREAMS = "orders,order_lines,products,product_history"


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    with Sandbox(SHOP) as sandbox:
        yield sandbox


def ends(log: str) -> dict[str, str]:
    """Return the lines that tell how streams ended, by stream."""
    lines = [line.rpartition(" | ")[2] for line in log.splitlines() if " request" in line]
    return {line.partition(": ")[0]: line for line in lines if "; read up to " in line}


def test_each_stream_tells_its_rows_and_what_became_of_them(shop: Sandbox, tmp_path: Path) -> None:
    first = run(tmp_path / "1", shop, streams=STREAMS)
    told = ends(first.log)
    assert told["orders"].startswith("orders: 40 rows (40 created), order_lines ")
    assert told["products"].startswith("products: 20 rows (20 created), product_history 20; ")
    second = run(tmp_path / "2", shop, streams=STREAMS, state=first.state)
    told = ends(second.log)
    assert told["products"].startswith("products: nothing new (20 unchanged); ")
    # Orders of the look-back come again; those behind the bookmark count as new or changed.
    rows, actions = re.findall(r"orders: (\d+) rows(?: \((.*?)\))?", told["orders"])[0]
    assert int(rows) == second.counts["orders"]
    assert int(rows) == sum(int(number) for number in re.findall(r"\d+", actions))


def test_the_webhook_hears_of_success_and_failure(shop: Sandbox, tmp_path: Path) -> None:
    with Receiver() as receiver:
        values: dict[str, Any] = {
            "webhook_url": receiver.url,
            "webhook_secret": "geheim",
            "streams": "products",
        }
        assert run(tmp_path / "1", shop, **values).code == 0
        refused = run(tmp_path / "2", shop, password="wrong", **values)
        assert refused.code == 3
        bodies = [json.loads(delivery.body) for delivery in receiver.received]
    assert [body["event"] for body in bodies] == ["sync_completed", "sync_failed"]
    assert "geheim" not in refused.log


def test_a_stop_by_signal_is_told_too(tmp_path: Path) -> None:
    with Receiver() as receiver, Sandbox(SandboxConfig(orders=5, offers=3000)) as sandbox:
        command = Command(tmp_path, sandbox, webhook_url=receiver.url, streams="products")
        while '"RECORD"' not in command.output.read_text():
            assert command.process.poll() is None
        command.signal(15)
        assert command.finish().code == 143
        (delivery,) = receiver.received
    assert json.loads(delivery.body)["event"] == "sync_failed"


def test_log_lines_as_json_name_run_and_account(
    shop: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MELTANO_RUN_ID", "0b7e6c2a-0000-4000-8000-000000000001")
    ended = run(tmp_path, shop, streams="products", log_format="json", account_type="fbe")
    lines = [json.loads(line) for line in ended.log.splitlines()]
    assert {line["extra"]["run_id"] for line in lines} == {"0b7e6c2a-0000-4000-8000-000000000001"}
    assert {line["extra"]["account"] for line in lines} == {"emag_ro/fbe"}
    assert {line["app_name"] for line in lines} == {"tap-emag"}
    assert any(line["message"].startswith("products: 20 rows") for line in lines)
    refused = run(tmp_path / "2", shop, log_format="json", password="falsch")
    last = json.loads(refused.log.splitlines()[-1])
    assert (last["level"], refused.code) == ("critical", 3)
    wrong = run(tmp_path / "3", shop, log_format="json", settle_seconds=-1)
    last = json.loads(wrong.log.splitlines()[-1])
    assert (last["level"], last["extra"]["account"], wrong.code) == ("critical", "emag_ro/main", 2)


def test_what_is_wrong_with_the_command_line_is_json_too(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"log_format": "json"}')
    for words in (["--config", str(config), "--state", "/none"], ["--config", "/none"]):
        ended = subprocess.run(
            [COMMAND, *words],
            check=False,
            capture_output=True,
            env={**os.environ, "TAP_EMAG_LOG_FORMAT": "json"},
        )
        lines = [json.loads(line) for line in ended.stderr.splitlines()]
        assert (ended.returncode, lines[-1]["level"]) == (2, "critical")
        assert "/none" in lines[-1]["message"] or "cannot be read" in lines[-1]["message"]
