"""Hands the sums out: as a file for node-exporter, to a Pushgateway, on a port while a run lives.

A thread adds what was counted every some seconds, so that a run that is killed loses little. None
of this may fail a run: what goes wrong is told once.
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

from tap_emag.metrics.families import FAMILIES, IN_PROGRESS, LIVE_FAMILIES, UNKNOWN_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from wsgiref.simple_server import WSGIServer

    from tap_emag.metrics.counts import Counts, Sample
    from tap_emag.metrics.store import Store, Sums
    from tap_emag.settings import Settings

logger = logging.getLogger("tap-emag")

EVERY = 15.0  # seconds between additions; as often as Prometheus usually looks
AT_MOST_EVERY = 2.0  # seconds, when syncs begin and end
PUSH_TIMEOUT = 5.0  # seconds
JOB = "tap_emag"


class StoreCollector(Collector):
    """Gives the sums of a store to a registry; `before` is called ahead of each reading."""

    def __init__(self, store: Store, before: Callable[[], object] | None = None) -> None:
        """Read from a store."""
        self._store = store
        self._before = before

    def describe(self) -> Sequence[Metric]:
        """Return nothing: names are looked at when the sums are read."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Give every family that has samples."""
        if self._before:
            self._before()
        yield from metrics_of(self._store.read())


def metrics_of(sums: Sums) -> Iterator[Metric]:
    """Turn sums into what prometheus_client writes, families and samples in a fixed order."""
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
    """Adds a run's counts to the store and hands them out, now and then, and at the end."""

    def __init__(self, counts: Counts, settings: Settings, store: Store) -> None:
        """Hand out where the settings say."""
        self._counts = counts
        self._settings = settings
        self._store = store
        self._added: dict[Sample, float] = {}
        self._set: dict[Sample, float] = {}
        self._syncing: set[str] = set()
        self._budget: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._news = threading.Event()
        self._told: set[str] = set()
        self._registry = CollectorRegistry()
        self._registry.register(StoreCollector(store))
        self._server: WSGIServer | None = None
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self, budget: dict[str, Any]) -> None:
        """Begin; `budget` says where the account's budgets are, for whoever looks at the store."""
        self._budget = budget
        if self._settings.metrics_port:
            self._guarded("metrics_port", self._serve)
        self._thread.start()

    def stop(self) -> None:
        """Hand out the last counts, and end."""
        self._over.set()
        self._news.set()
        self._thread.join(2 * PUSH_TIMEOUT)
        with self._lock:
            self._syncing.clear()
        self.publish()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._guarded("state_dir", self._store.close)

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
        """Add what was counted since the last time."""
        self._guarded("state_dir", self._add)

    def publish(self) -> None:
        """Add, and write file and gateway."""
        self.add()
        if self._settings.metrics_textfile:
            self._guarded("metrics_textfile", self._write)
        if self._settings.pushgateway_url:
            self._guarded("pushgateway_url", self._push)

    def _run(self) -> None:
        while not self._over.wait(AT_MOST_EVERY):
            self._news.clear()
            self.publish()
            self._news.wait(EVERY - AT_MOST_EVERY)

    def _add(self) -> None:
        counts = self._counts
        account = counts.account
        with self._lock:
            now, gauges = counts.now()
            token = self._store.token()
            with self._store.changing() as sums:
                for sample, value in now.items():
                    grown = value - self._added.get(sample, 0.0)
                    sums.values[sample] = sums.values.get(sample, 0.0) + grown
                # Only what is new: another process may have set the rest since then.
                sums.values.update(
                    (sample, value)
                    for sample, value in gauges.items()
                    if self._set.get(sample) != value or sample not in sums.values
                )
                for table, names in list(counts.fields.items()):
                    owner = (account.marketplace, account.account_type, table)
                    sums.fields.setdefault(owner, set()).update(names)
                sums.running = [item for item in sums.running if item["token"] != token]
                sums.running += [
                    {"token": token, "account_type": account.account_type, "sync_type": stream}
                    for stream in sorted(self._syncing)
                ]
                sums.budgets[account.marketplace, account.account_type] = self._budget
            self._added, self._set = now, gauges

    def _write(self) -> None:
        self._settings.metrics_textfile.parent.mkdir(parents=True, exist_ok=True)  # type: ignore[union-attr]
        write_to_textfile(str(self._settings.metrics_textfile), self._registry)

    def _push(self) -> None:
        address, handler = _gateway(self._settings.pushgateway_url or "")
        key = {"instance": socket.gethostname()}
        push_to_gateway(address, JOB, self._registry, key, PUSH_TIMEOUT, handler)

    def _serve(self) -> None:
        registry = CollectorRegistry()
        registry.register(StoreCollector(self._store, self.add))
        port, address = self._settings.metrics_port or 0, self._settings.metrics_address
        self._server, _ = start_http_server(port, address, registry)

    def _guarded(self, setting: str, action: Callable[[], object]) -> None:
        """Do it, or tell once why it cannot be done; the run goes on either way."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever a gateway's client may raise
            if setting not in self._told:
                self._told.add(setting)
                reason = getattr(error, "strerror", None) or type(error).__name__
                logger.warning("metrics cannot be kept or sent (%s): %s", setting, reason)


def _with_gauges(sums: Sums) -> dict[Sample, float]:
    """Return all samples, those included that are counted only when somebody looks."""
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
        pairs = tuple((label, item[label]) for label in IN_PROGRESS.labels)
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
