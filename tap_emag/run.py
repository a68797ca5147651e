"""Gives the streams of one run their shared objects, from settings to threads.

A stream needs the account, the clock, the client and a dozen more objects of its run, and none of
the Singer SDK's tap. All of them are created when first used: so the catalog is written without
them, also with invalid settings.
"""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from tap_emag.api.admission import Admission
from tap_emag.api.circuit_breaker import Breaker
from tap_emag.api.client import Client
from tap_emag.api.network import check_certificates
from tap_emag.api.rate_limit_local import LocalStore, name_of
from tap_emag.api.rate_limit_postgres import PostgresStore
from tap_emag.api.rate_limiter import BUCKETS, Limiter
from tap_emag.api.retries import retrying
from tap_emag.api.server_clock import ServerClock, machine_now
from tap_emag.errors import BudgetStoreError, ConfigurationError
from tap_emag.logs import FORMAT, quiet_sdk, write_json, write_text
from tap_emag.meltano.kept_states import KeptState, LoaderOfRun
from tap_emag.meltano.own_config import show_movement
from tap_emag.meltano.own_run import own_run
from tap_emag.metrics import Recorder, Totals
from tap_emag.progress import Progress
from tap_emag.schema.local_time import Clock
from tap_emag.settings.account import Account
from tap_emag.settings.settings import DEFAULTS, Checked
from tap_emag.state.delivered import DeliveredRows
from tap_emag.state.only_reader import is_first_reader
from tap_emag.state.order_versions import DeliveredOrders
from tap_emag.state.run_lock import only_run
from tap_emag.state.store import StateStore
from tap_emag.watchdog import Watchdog, output_is_closed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_emag.api.rate_limiter import BudgetStore
    from tap_emag.meltano.own_run import RecordedRun
    from tap_emag.settings.settings import Settings
    from tap_emag.state.bookmarks import State
    from tap_emag.state.only_reader import VersionedList

logger = logging.getLogger("tap-emag")

STORE_ATTEMPTS = 3  # to reach the database with the budgets, before the first request


class RejectedRowSink(Protocol):
    """Stores rows that no table can take."""

    def keep(
        self,
        stream: str,
        raw: Mapping[str, Any],
        reason: str,
        partition: Mapping[str, Any],
        error: Exception | None = None,
    ) -> None:
        """Store a row that a stream could not convert."""


class Run:
    """One run of the tap: one account, read once. Thread-safe."""

    machine_now = staticmethod(machine_now)
    rejected_rows: RejectedRowSink  # the stream of that name

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Take a configuration; it is checked when the settings are first used."""
        self.config = config
        self.state_lock = threading.RLock()  # of the state, which all streams change
        self.answered = threading.Event()  # set when the API has let this caller in
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._executors: dict[str, ThreadPoolExecutor] = {}

    @cached_property
    def checked(self) -> Checked:
        """The checked configuration."""
        return Checked.of(self.config, self.machine_now())

    @cached_property
    def settings(self) -> Settings:
        """The settings.

        Raises:
            ConfigurationError: Some are invalid.
        """
        return self.checked.settings()

    @cached_property
    def account(self) -> Account:
        """The account that all rows belong to."""
        return Account(self.settings.marketplace, self.settings.account_type)

    @cached_property
    def marketplace_time(self) -> Clock:
        """The clock that reads the API's times."""
        return Clock(self.settings.timezone)

    @cached_property
    def watchdog(self) -> Watchdog:
        """The run's deadline, stall watch and signals."""
        return Watchdog(
            self.settings.sync_timeout_seconds,
            self.settings.stall_timeout_seconds,
            output_closed=output_is_closed,
            show_movement=show_movement,
        )

    @property
    def is_watched(self) -> bool:
        """Whether the watchdog has been started, and can pass a signal on."""
        return "watchdog" in self.__dict__ and self.watchdog.running

    @cached_property
    def recorded_run(self) -> RecordedRun | None:
        """This run in Meltano's database, None where Meltano has started no loader."""
        return own_run()

    @cached_property
    def run_id(self) -> str:
        """The id of this run in logs and reports: Meltano's own, where there is one."""
        return self.recorded_run.run_id if self.recorded_run else run_id()

    @cached_property
    def recorder(self) -> Recorder:
        """The counters of this run."""
        return Recorder(self.account)

    @cached_property
    def progress(self) -> Progress:
        """The log of how far the run's readings are."""
        return Progress()

    def update_progress(
        self, what: str, where: str, done: float | None = None, rows: int = 0
    ) -> None:
        """Note the place of a reading: `done` from 0 to 1, `rows` since the last call."""
        if done is not None:
            where = f"{where} ({100 * done:.0f} %)"
        self.watchdog.update_progress(what, where)
        self.progress.update(what, where, done, rows)

    @property
    def client(self) -> Client:
        """The one client of all streams.

        Raises:
            BreakerOpenError: The account's circuit breaker lets no request through.
        """
        with self._lock:  # several threads may be the first to ask
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> Client:
        settings = self.settings
        breaker = self._breaker("breaker")
        breaker.check()
        client = Client(
            settings,
            watchdog=self.watchdog,
            limiter=self.limiter,
            breaker=breaker,
            rest_breaker=self._breaker("rest-breaker"),
            admission=Admission(self.store, name_of(settings.api_identity, "witnesses")),
            recorder=self.recorder,
            answered=self.answered,
        )
        client.clock = ServerClock(self.machine_now)
        return client

    def executor(self, bucket: str) -> ThreadPoolExecutor:
        """Return the threads that send requests of a bucket.

        Each bucket has its own: otherwise requests that wait for the slower budget would occupy the
        threads of the faster one.
        """
        with self._lock:
            if bucket not in self._executors:
                self._executors[bucket] = ThreadPoolExecutor(
                    self.settings.max_concurrent_requests, f"requests-{bucket}"
                )
            return self._executors[bucket]

    # Only this section opens objects that outlive a run.

    @cached_property
    def store(self) -> StateStore:
        """This host's file of all that outlives a run."""
        return StateStore(self.settings.state_dir)

    def _breaker(self, name: str) -> Breaker:
        settings = self.settings
        return Breaker(
            self.store,
            name_of(settings.api_identity, name),
            f"{settings.api_identity} {settings.password}",
            threshold=settings.breaker_failure_threshold,
            recovery=settings.breaker_recovery_seconds,
        )

    @cached_property
    def limiter(self) -> Limiter:
        """The request budgets, which accounts share by `rate_limit_scope`."""
        given, share = self.settings, self.settings.rate_limit_share
        store: BudgetStore = (
            PostgresStore(given.rate_limit_store, given.budget_identity, share, self.account)
            if given.rate_limit_store
            else LocalStore(self.store, given.budget_identity, share)
        )
        return Limiter(store, sleep=self.watchdog.pause)

    @cached_property
    def metric_totals(self) -> Totals:
        """The totals of all runs."""
        return Totals(self.store)

    def delivered_rows(self, stream: str, bookmark: dict[str, Any], name: str) -> DeliveredRows:
        """Open the delivered rows of a stream's list, with the fingerprints of that name."""
        return DeliveredRows(self.store, stream, bookmark, name)

    @cached_property
    def delivered_orders(self) -> DeliveredOrders:
        """The versions of orders that regular runs have delivered."""
        settings = self.settings
        return DeliveredOrders(self.store, settings.marketplace, settings.account_type)

    @contextmanager
    def exclude_others(self, pipelines: Iterable[str], lists: Iterable[str]) -> Iterator[None]:
        """Let no other run of these pipelines begin meanwhile, and no other first run of lists."""
        first = "reads the same list for the first time"
        with only_run(self.store, pipelines), only_run(self.store, lists, first):
            yield

    def first_lists(self, given: State, lists: Sequence[VersionedList]) -> list[str]:
        """Return the names of lists that no pipeline has read into this run's loader.

        `given` is the state that this run begins with.

        Raises:
            ConfigurationError: Another pipeline has read one of them, and this one never.
        """
        run = self.recorded_run
        if not lists or run is None or self.settings.allow_second_pipeline:
            return []
        loader = LoaderOfRun.of(run.state_id)
        states = [KeptState(run.state_id, "", (given,)), *loader.states()]
        now, warn = self.machine_now(), logger.warning
        first = [each for each in lists if is_first_reader(each, run.state_id, states, now, warn)]
        return [each.lock(*loader, self.settings.api_identity) for each in first]

    def check_surroundings(self) -> None:
        """Check certificates and the store of request budgets, before the first request.

        Raises:
            ConfigurationError: One of them cannot be used.
        """
        settings = self.settings
        if settings.api_url.startswith("https:"):
            check_certificates()
        most = min(settings.retry_max_attempts, STORE_ATTEMPTS)
        pause = self.watchdog.pause
        policy = retrying(settings, lambda failed: failed >= most, pause, lambda _: None)
        try:
            for bucket in BUCKETS:
                policy(self.limiter.look, bucket)
        except BudgetStoreError as error:
            problem = (
                f"{error}; check that it runs, and the address, user and password, or leave the"
                " setting out on a single host"
            )
            raise ConfigurationError([problem]) from None


@cache
def run_id() -> str:
    """Return the id of this process's run: the one that Meltano has recorded, or a new one."""
    given = os.environ.get("MELTANO_RUN_ID")
    recorded = None if given else own_run()
    return given or (recorded.run_id if recorded else str(uuid4()))


def log_as_configured(config: Mapping[str, Any], identity: str) -> None:
    """Log as JSON if the configuration, or the environment without it, has that format."""
    quiet_sdk()
    if (config.get("log_format") or os.environ.get(FORMAT)) == "json":
        given = DEFAULTS | {name: value for name, value in config.items() if value}
        write_json(identity, f"{given['marketplace']}/{given['account_type']}")
    else:
        write_text()
