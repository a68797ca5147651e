"""Exports the sums of all runs to Prometheus.

There are three ways: a file for node-exporter, a Pushgateway, and a port during a run. A thread
stores the run's counts every few seconds, so that a killed run loses little. No failure here may
fail a run: it is logged once.
"""

from __future__ import annotations

import logging
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from prometheus_client import (
    CollectorRegistry,
    push_to_gateway,
    start_http_server,
    write_to_textfile,
)
from prometheus_client.core import Metric
from prometheus_client.exposition import basic_auth_handler, default_handler
from prometheus_client.registry import Collector

from tap_emag.metrics.definitions import FAMILIES, IN_PROGRESS, LIVE_FAMILIES, UNKNOWN_FIELDS
from tap_emag.metrics.totals import RunningSync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from wsgiref.simple_server import WSGIServer

    from tap_emag.metrics.recorder import Recorder, Sample
    from tap_emag.metrics.totals import AccountState, Sums, Totals
    from tap_emag.settings.settings import Settings

logger = logging.getLogger("tap-emag")

EVERY = 15.0  # seconds between additions; Prometheus usually scrapes as often
AT_MOST_EVERY = 2.0  # seconds, when syncs begin and end
PUSH_TIMEOUT = 5.0  # seconds
JOB = "tap_emag"


class StoreCollector(Collector):
    """Gives the sums of a store to a registry; calls `before` ahead of each reading."""

    def __init__(self, store: Totals, before: Callable[[], object] | None = None) -> None:
        """Read from a store."""
        self._store = store
        self._before = before

    def describe(self) -> Sequence[Metric]:
        """Return nothing: the names are known only when the sums are read."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every family that has samples."""
        if self._before:
            self._before()
        yield from metrics_of(self._store.read())


def metrics_of(sums: Sums) -> Iterator[Metric]:
    """Yield the sums as metrics for prometheus_client, in a fixed order."""
    by_name: dict[str, list[tuple[dict[str, str], float]]] = {}
    for (name, labels), value in _with_gauges(sums).items():
        by_name.setdefault(name, []).append((dict(labels), value))
    for family in FAMILIES + LIVE_FAMILIES:
        metric = Metric(family.name.removesuffix("_total"), family.meaning, family.kind)
        for name in family.sample_names:
            for given, value in sorted(by_name.get(name, []), key=lambda found: _place(found[0])):
                metric.add_sample(name, given, value)
        if metric.samples:
            yield metric


class Publisher:
    """Adds a run's counts to the store and exports them, regularly and at the end."""

    def __init__(self, recorder: Recorder, settings: Settings, store: Totals) -> None:
        """Export to the places of the settings."""
        self._recorder = recorder
        self._settings = settings
        self._store = store
        self._added: dict[Sample, float] = {}
        self._set: dict[Sample, float] = {}
        self._syncing: set[str] = set()
        self._where: AccountState | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._news = threading.Event()
        self._told: set[str] = set()
        self._server: WSGIServer | None = None
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self, where: AccountState) -> None:
        """Begin; `where` names the account's budgets for readers of the store."""
        self._where = where
        if self._settings.metrics_port:
            self._guarded("metrics_port", self._serve)
        self._guarded("threads", self._thread.start)

    def stop(self) -> None:
        """Export the last counts, and end."""
        self._over.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(2 * PUSH_TIMEOUT)
        with self._lock:
            self._syncing.clear()
        self.publish()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._guarded("state_dir", self._store.state.close)

    def sync_began(self, stream: str) -> None:
        """Note that a stream's sync is under way."""
        with self._lock:
            self._syncing.add(stream)
        self._news.set()

    def sync_ended(self, stream: str) -> None:
        """Note that a stream's sync is over."""
        with self._lock:
            self._syncing.discard(stream)
        self._news.set()

    def add(self) -> None:
        """Add the counts since the last time to the store."""
        self._guarded("state_dir", self._add)

    def publish(self) -> None:
        """Add, and write file and gateway."""
        self.add()
        file, gateway = self._settings.metrics_textfile, self._settings.pushgateway_url
        if file:
            self._guarded("metrics_textfile", lambda: write_textfile(file, self._store))
        if gateway:
            self._guarded("pushgateway_url", lambda: push(gateway, self._store))

    def _run(self) -> None:
        while not self._over.wait(AT_MOST_EVERY):
            self._news.clear()
            self.publish()
            self._news.wait(EVERY - AT_MOST_EVERY)

    def _add(self) -> None:
        recorder = self._recorder
        account = recorder.account
        with self._lock:
            now, gauges = recorder.now()
            grown = {sample: value - self._added.get(sample, 0.0) for sample, value in now.items()}
            new = {sample: v for sample, v in gauges.items() if self._set.get(sample) != v}
            token, kind = self._store.state.liveness.token(), account.account_type
            with self._store.changing() as changes:
                changes.count(grown)
                changes.set(new)
                changes.set_missing(gauges)  # another process may have set the rest since then
                changes.add_fields(account, dict(recorder.fields))
                syncs = [RunningSync(token, kind, stream) for stream in sorted(self._syncing)]
                changes.set_running(syncs, token)
                if self._where:
                    changes.set_account(account, self._where)
            self._added, self._set = now, gauges

    def _serve(self) -> None:
        registry = _registry(self._store, self.add)
        port, address = self._settings.metrics_port or 0, self._settings.metrics_address
        self._server, _ = start_http_server(port, address, registry)

    def _guarded(self, setting: str, action: Callable[[], object]) -> None:
        """Call `action`; log its failure once, and let the run go on."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - a gateway's client may raise anything
            if setting not in self._told:
                self._told.add(setting)
                reason = getattr(error, "strerror", None) or type(error).__name__
                logger.warning("metrics cannot be kept or sent (%s): %s", setting, reason)


def write_textfile(file: Path, store: Totals) -> None:
    """Write the sums of a store for node-exporter.

    Raises:
        OSError: The file cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(file), _registry(store))


def push(url: str, store: Totals) -> None:
    """Send the sums of a store to a Pushgateway, in place of what this host sent before.

    Raises:
        OSError: The gateway cannot be reached, or refuses.
    """
    address, handler = _gateway(url)
    key = {"instance": socket.gethostname()}
    push_to_gateway(address, JOB, _registry(store), key, PUSH_TIMEOUT, handler)


def _registry(store: Totals, before: Callable[[], object] | None = None) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(StoreCollector(store, before))
    return registry


def _with_gauges(sums: Sums) -> dict[Sample, float]:
    """Return all samples, with the gauges that are computed at each reading."""
    values = dict(sums.values)
    for (marketplace, account_type, table), names in sums.fields.items():
        owner = (("account_type", account_type), ("marketplace", marketplace), ("table", table))
        values[UNKNOWN_FIELDS.name, owner] = float(len(names))
    # A sync that was under way before is 0 now, not gone.
    for name, labels in list(values):
        if name == "emag_sync_duration_seconds_count":
            given = dict(labels)
            pairs = tuple((label, given[label]) for label in IN_PROGRESS.labels)
            values.setdefault((IN_PROGRESS.name, pairs), 0.0)
    for item in sums.running:
        pairs = tuple((label, getattr(item, label)) for label in IN_PROGRESS.labels)
        values[IN_PROGRESS.name, pairs] = values.get((IN_PROGRESS.name, pairs), 0.0) + 1
    return values


def _place(labels: dict[str, str]) -> tuple[tuple[str, ...], float]:
    """Sort by labels, buckets by their bound."""
    rest = tuple(value for name, value in sorted(labels.items()) if name != "le")
    return rest, float(labels.get("le", 0))


def _gateway(url: str) -> tuple[str, Callable[..., Any]]:
    """Split credentials off a Pushgateway's address."""
    parts = urlsplit(url)
    if not parts.username:
        return url, default_handler
    user, password = unquote(parts.username), unquote(parts.password or "")

    def handler(
        url: str,
        method: str,
        timeout: float | None,
        headers: list[tuple[str, str]],
        data: bytes,
    ) -> Callable[[], None]:
        return basic_auth_handler(url, method, timeout, headers, data, user, password)

    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), handler
