"""Counts the events of this process, from zero."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tap_emag.metrics import definitions as f

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.core import Metric
    from prometheus_client.metrics import MetricWrapperBase

    from tap_emag.metrics.definitions import Family
    from tap_emag.settings.account import Account

Sample = tuple[str, tuple[tuple[str, str], ...]]
MOST_FIELDS = 1000  # remembered; random names of an API must not grow a file without end
MADE_TO_WAIT = 0.001  # seconds; a free slot takes less
M = TypeVar("M", bound="MetricWrapperBase")


class Recorder:
    """Counts the events of one account. Thread-safe."""

    def __init__(self, account: Account) -> None:
        """Begin at zero."""
        self.account = account
        self.fields: dict[str, set[str]] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._type = account.account_type
        self._whole = (account.marketplace, account.account_type)
        self._lock = threading.Lock()
        self._rows: dict[str, Counter] = {}
        self._by_sample: dict[str, MetricWrapperBase] = {}
        self._sync_duration = self._histogram(f.SYNC_DURATION)
        self._products = self._counter(f.PRODUCTS)
        self._errors = self._counter(f.ERRORS)
        self._requests = self._counter(f.REQUESTS)
        self._request_duration = self._histogram(f.REQUEST_DURATION)
        self._limit_hits = self._counter(f.LIMIT_HITS)
        self._limit_wait = self._histogram(f.LIMIT_WAIT)
        self._products_count = self._gauge(f.PRODUCTS_COUNT)
        self._timeouts = self._counter(f.TIMEOUTS)
        self._records = self._counter(f.RECORDS)
        self._rows_met = self._counter(f.ROWS_MET)
        self._orders_read = self._counter(f.ORDERS_READ)
        self._late_orders = self._counter(f.LATE_ORDERS)
        self._last_success = self._gauge(f.LAST_SUCCESS)
        self._bookmark = self._gauge(f.BOOKMARK)
        self._budget_rate = self._gauge(f.BUDGET_RATE)
        self._refusals = self._counter(f.REFUSALS)
        self._breaker = self._gauge(f.BREAKER)
        self._refused = self._gauge(f.BREAKER_REFUSED)
        self._retries = self._counter(f.RETRIES)

    def expect(self, streams: Iterable[str], tables: Iterable[str]) -> None:
        """Create counters at 0, so that Prometheus sees the first count as an increase.

        Args:
            streams: Streams that are synced, and send requests.
            tables: Streams whose rows are written.
        """
        for stream in streams:
            for error in f.error_types():
                self._errors.labels(self._type, stream, error)
            self._timeouts.labels(self._type, stream)
            for action in f.ACTIONS:
                self.count_rows(stream, action, 0)
        for table in tables:
            self._records.labels(*self._whole, table)
        for bucket in f.BUCKETS:
            self._limit_hits.labels(self._type, bucket)
            self._refusals.labels(*self._whole, bucket)

    def requested(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request; the status is 0 when no reply came."""
        self._requests.labels(self._type, endpoint, str(status)).inc()
        self._request_duration.labels(self._type, endpoint).observe(seconds)

    def waited(self, bucket: str, seconds: float) -> None:
        """Count a request's wait for its slot."""
        self._limit_wait.labels(self._type, bucket).observe(seconds)
        if seconds >= MADE_TO_WAIT:
            self._limit_hits.labels(self._type, bucket).inc()

    def refused(self, bucket: str) -> None:
        """Count a refusal for the rate of requests."""
        self._refusals.labels(*self._whole, bucket).inc()

    def retried(self, endpoint: str, error: BaseException) -> None:
        """Count a request that is retried because of an error."""
        self._retries.labels(*self._whole, endpoint, type(error).__name__).inc()

    def wrote(self, stream: str) -> None:
        """Count a row of a stream that goes to the target."""
        counter = self._rows.get(stream)
        if counter is None:
            # Kept, since looking up labels takes longer than counting, and rows are many.
            counter = self._rows[stream] = self._records.labels(*self._whole, stream)
        counter.inc()

    def count_rows(self, stream: str, action: str, number: int = 1) -> None:
        """Count rows that were read, by their outcome."""
        self._rows_met.labels(*self._whole, stream, action).inc(number)
        if stream == "products":
            self._products.labels(self._type, action).inc(number)

    def read_orders(self, kind: int, number: int) -> None:
        """Count orders of a type that were read."""
        self._orders_read.labels(*self._whole, str(kind)).inc(number)

    def late_orders(self, kind: int, number: int) -> None:
        """Count orders of a type that only a deep re-read found; 0 creates the counter."""
        self._late_orders.labels(*self._whole, str(kind)).inc(number)

    def counted_products(self, number: int) -> None:
        """Set the number of the account's offers."""
        self._products_count.labels(self._type).set(number)

    def found(self, table: str, key: str) -> None:
        """Note a field that has no column, or did not fit it."""
        with self._lock:
            names = self.fields.setdefault(table, set())
            if len(names) < MOST_FIELDS:
                names.add(key)

    def synced(self, stream: str, mode: str, status: str, seconds: float) -> None:
        """Count a finished sync of a stream."""
        self._sync_duration.labels(self._type, stream, mode, status).observe(seconds)

    def failed(self, stream: str, error: BaseException, *, timed_out: bool) -> None:
        """Count an error that ended a stream's sync."""
        self._errors.labels(self._type, stream, type(error).__name__).inc()
        if timed_out:
            self._timeouts.labels(self._type, stream).inc()

    def error_of(self, stream: str) -> str | None:
        """Return the class of an error that was counted for a stream, None without one."""
        return next(iter(self.by(f.ERRORS.name, "error_type", sync_type=stream)), None)

    def succeeded(self, stream: str, now: float) -> None:
        """Set the time of a stream's last complete sync, as Unix time."""
        self._last_success.labels(*self._whole, stream).set(now)

    def set_bookmark_metric(self, stream: str, bookmark: float) -> None:
        """Set a stream's bookmark, as Unix time."""
        self._bookmark.labels(*self._whole, stream).set(bookmark)

    def watch(
        self,
        breaker_open: Callable[[], bool],
        breaker_refused: Callable[[], bool],
        rate: Callable[[str], float],
    ) -> None:
        """Read the circuit breaker's state and the buckets' rates whenever samples are taken."""
        self._breaker.labels(*self._whole).set_function(lambda: float(breaker_open()))
        self._refused.labels(*self._whole).set_function(lambda: float(breaker_refused()))
        for bucket in f.BUCKETS:
            gauge = self._budget_rate.labels(*self._whole, bucket)
            gauge.set_function(lambda bucket=bucket: rate(bucket))  # type: ignore[misc]

    def total(self, name: str, **labels: str) -> float:
        """Return this process's count of a sample, over all labels not given."""
        wanted = labels.items()
        return sum(value for found, value in self._found(name) if wanted <= found.items())

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """Return this process's counts of a sample by the values of one label; leave out zeros."""
        sums: dict[str, float] = {}
        wanted = labels.items()
        for found, value in self._found(name):
            if value and wanted <= found.items():
                sums[found[label]] = sums.get(found[label], 0.0) + value
        return sums

    def samples(self, kinds: tuple[str, ...]) -> Iterator[tuple[Sample, float]]:
        """Yield the samples of the metrics of these kinds."""
        for metric in self._registry.collect():
            if metric.type in kinds:
                yield from _samples(metric)

    def now(self) -> tuple[dict[Sample, float], dict[Sample, float]]:
        """Return the present counts, and the values of gauges; read each of them once."""
        counted: dict[Sample, float] = {}
        shown: dict[Sample, float] = {}
        for metric in self._registry.collect():
            (shown if metric.type == "gauge" else counted).update(_samples(metric))
        return counted, shown

    def _found(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        """Yield labels and values of the samples of one name, without collecting other metrics."""
        for metric in self._by_sample[name].collect():
            for sample in metric.samples:
                if sample.name == name:
                    yield sample.labels, sample.value

    def _counter(self, family: Family) -> Counter:
        made = Counter(family.name, family.meaning, family.labels, registry=self._registry)
        return self._known(family, made)

    def _gauge(self, family: Family) -> Gauge:
        made = Gauge(family.name, family.meaning, family.labels, registry=self._registry)
        return self._known(family, made)

    def _histogram(self, family: Family) -> Histogram:
        made = Histogram(
            family.name,
            family.meaning,
            family.labels,
            registry=self._registry,
            buckets=family.buckets,
        )
        return self._known(family, made)

    def _known(self, family: Family, made: M) -> M:
        self._by_sample.update(dict.fromkeys(family.sample_names, made))
        return made


def _samples(metric: Metric) -> Iterator[tuple[Sample, float]]:
    for sample in metric.samples:
        if not sample.name.endswith("_created"):
            yield (sample.name, tuple(sorted(sample.labels.items()))), sample.value
