"""Metrics reach a file and a port, they go on over runs, and nothing of it fails a run."""

from __future__ import annotations

import signal
import socket
import time
import urllib.request
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.metrics import Publisher, Recorder, Totals
from tap_emag.settings.account import Account
from tap_emag.state.store import StateStore
from tests.support.api import settings_for
from tests.support.command import Command, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHOP = SandboxConfig(
    orders=120, offers=30, history_days=10, categories=3, localities=5, limits=False
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    with Sandbox(SHOP) as sandbox:
        yield sandbox


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return int(taken.getsockname()[1])


class Samples:
    """What Prometheus reads out of a text."""

    def __init__(self, text: str) -> None:
        metrics = text_string_to_metric_families(text)
        self.all = [sample for metric in metrics for sample in metric.samples]

    def sum(self, name: str, **labels: str) -> float:
        """Add up the samples of a name that have these labels; there is at least one."""
        wanted = labels.items()
        found = [s.value for s in self.all if s.name == name and wanted <= s.labels.items()]
        assert found, f"no {name} with {labels}"
        return sum(found)


def get(port: int, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as reply:
        return str(reply.read().decode())


def test_counters_go_on_from_run_to_run_and_between_accounts(shop: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "metrics" / "emag.prom"
    values: dict[str, Any] = {
        "state_dir": str(tmp_path / "state"),
        "metrics_textfile": str(file),
        "streams": "orders,order_lines,products",
    }
    assert run(tmp_path / "1", shop, **values).code == 0
    first = Samples(file.read_text())
    assert run(tmp_path / "2", shop, **values).code == 0
    second = Samples(file.read_text())
    assert run(tmp_path / "3", shop, account_type="fbe", **values).code == 0
    third = Samples(file.read_text())
    created = [
        each.sum("emag_sync_products_total", account_type="main", action="created")
        for each in (first, second, third)
    ]
    assert created == [30, 60, 60]
    assert third.sum("emag_sync_products_total", account_type="fbe", action="created") == 30
    lines = [each.sum("emag_records_total", stream="order_lines") for each in (first, second)]
    assert lines[1] == 2 * lines[0] > 0
    assert second.sum("emag_sync_duration_seconds_count", sync_type="orders", mode="full") == 2
    assert third.sum("emag_products_count", account_type="main") == 30
    assert third.sum("emag_sync_in_progress") == 0
    assert third.sum("emag_api_requests_total") == len(list(shop.log))


def test_what_the_metrics_say_is_what_the_server_saw(shop: Sandbox, tmp_path: Path) -> None:
    before = len(list(shop.log))
    ended = run(tmp_path, shop, metrics_textfile=str(tmp_path / "a.prom"), streams="orders")
    found = Samples((tmp_path / "a.prom").read_text())
    asked = [request for request in list(shop.log)[before:] if request.bucket == "orders"]
    assert found.sum("emag_rate_limit_wait_seconds_count", operation_type="orders") == len(asked)
    assert found.sum("emag_records_total", stream="orders") == ended.counts["orders"] == 120
    assert found.sum("emag_orders_read_total") == 120
    now = time.time()
    assert 0 < now - found.sum("emag_bookmark_timestamp_seconds", sync_type="orders") < 600
    assert 0 <= now - found.sum("emag_last_success_timestamp_seconds", sync_type="orders") < 600


def test_a_backfill_says_nothing_of_how_far_the_stream_is(shop: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "emag.prom"
    values: dict[str, Any] = {
        "state_dir": str(tmp_path / "state"),
        "metrics_textfile": str(file),
        "streams": "orders",
    }
    assert run(tmp_path / "1", shop, **values).code == 0
    first = Samples(file.read_text())
    past = [f"{datetime.now(timezone.utc) - timedelta(days=days):%Y-%m-%d}" for days in (11, 4)]
    ended = run(tmp_path / "2", shop, start_date=past[0], end_date=past[1], **values)
    assert ended.code == 0
    second = Samples(file.read_text())
    assert (
        second.sum("emag_records_total") == first.sum("emag_records_total") + ended.counts.total()
    )
    assert ended.counts.total() > 0
    for name in ("emag_last_success_timestamp_seconds", "emag_bookmark_timestamp_seconds"):
        assert second.sum(name, sync_type="orders") == first.sum(name, sync_type="orders")


def test_what_one_process_has_told_does_not_hide_what_another_tells_later(
    shop: Sandbox, tmp_path: Path
) -> None:
    settings = settings_for(shop, state_dir=str(tmp_path))
    earlier, later = (Recorder(Account("emag_ro", "main")) for _ in range(2))
    stores = [Totals(StateStore(tmp_path)) for _ in range(2)]
    pair = zip((earlier, later), stores, strict=True)
    one, other = (Publisher(counts, settings, store) for counts, store in pair)
    earlier.succeeded("orders", 1000)
    one.add()
    later.succeeded("orders", 2000)
    other.add()
    one.add()
    told = [v for (name, _), v in stores[0].read().values.items() if "last_success" in name]
    assert told == [2000]
    earlier.succeeded("orders", 3000)
    one.add()
    told = [v for (name, _), v in stores[0].read().values.items() if "last_success" in name]
    assert told == [3000]
    for store in stores:
        store.state.close()


def under_way(port: int) -> float:
    """Return how many offers' syncs are under way, by what a run serves; 0 while it does not."""
    try:
        return Samples(get(port)).sum("emag_sync_in_progress", sync_type="products")
    except (OSError, AssertionError):
        return 0


def test_the_port_serves_while_the_run_lives(tmp_path: Path) -> None:
    port = free_port()
    with Sandbox(SandboxConfig(orders=10, offers=600, history_days=10, latency=1.5)) as slow:
        command = Command(tmp_path, slow, metrics_port=port, streams="products")
        until = time.monotonic() + 120
        while not (seen := under_way(port)) and time.monotonic() < until:
            time.sleep(0.05)
        ended = command.finish()
    assert ended.code == 0
    assert seen == 1
    with pytest.raises(OSError, match="refused"):
        get(port)


def test_a_run_goes_on_where_metrics_cannot(shop: Sandbox, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        ended = run(
            tmp_path,
            shop,
            streams="products",
            metrics_port=port,
            metrics_textfile="/proc/nowhere/emag.prom",
            pushgateway_url=f"http://user:geheim@127.0.0.1:{free_port()}",
        )
    assert ended.code == 0
    told = [line for line in ended.log.splitlines() if "metrics cannot be" in line]
    assert sorted(line.partition("(")[2].partition(")")[0] for line in told) == [
        "metrics_port",
        "metrics_textfile",
        "pushgateway_url",
    ]
    assert "geheim" not in ended.log


def test_a_killed_run_loses_seconds_of_counting_not_all(tmp_path: Path) -> None:
    with Sandbox(SandboxConfig(orders=10, offers=6000, history_days=10)) as sandbox:
        command = Command(tmp_path, sandbox, streams="products")
        store, until = Totals(StateStore(tmp_path / "state")), time.monotonic() + 120
        while not counted(store) and time.monotonic() < until:
            time.sleep(0.05)
        assert store.read().running
        command.signal(signal.SIGKILL)
        command.finish()
        assert 0 < counted(store) <= len(list(sandbox.log))
    assert store.read().running == []


def counted(store: Totals) -> float:
    values = store.read().values
    return sum(v for (name, _), v in values.items() if name == "emag_api_requests_total")
