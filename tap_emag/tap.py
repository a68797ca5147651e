"""The tap: its settings, its streams, and the life of one sync."""

from __future__ import annotations

import sys
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.singerlib import Catalog

from tap_emag import bookmarks, selection
from tap_emag.breaker import Breaker
from tap_emag.budgets import FileStore, file_name
from tap_emag.budgets_postgres import PostgresStore
from tap_emag.client import Client
from tap_emag.declared import config_schema, default_values
from tap_emag.errors import ConfigurationError, TargetGoneError
from tap_emag.inputs import json_object
from tap_emag.lanes import LockedWriter, sync
from tap_emag.life import Life
from tap_emag.limits import Limiter
from tap_emag.logs import write_json
from tap_emag.metrics import Counts
from tap_emag.observer import Observer, run_id
from tap_emag.progress import Progress
from tap_emag.redaction import hide, secrets_of
from tap_emag.settings import Settings
from tap_emag.streams import estimates, finance, orders, products, reference, returns
from tap_emag.streams.base import EmagStream
from tap_emag.streams.codes import CODE_LISTS
from tap_emag.streams.rejected import RejectedRows
from tap_emag.tables.account import Account
from tap_emag.types import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType
    from typing import IO

    from singer_sdk.plugin_base import _ConfigInput

    from tap_emag.limits import BudgetStore

STREAMS: tuple[type[EmagStream], ...] = (
    orders.Orders,
    orders.OrderLines,
    orders.OrderVouchers,
    orders.OrderVoucherSplits,
    orders.OrderAttachments,
    products.Products,
    products.ProductHistory,
    products.ProductDeletions,
    estimates.Commissions,
    estimates.SmartDeals,
    returns.Returns,
    returns.ReturnLines,
    returns.ReturnEvents,
    returns.Awbs,
    returns.AwbParcels,
    reference.Categories,
    reference.CategoryCharacteristics,
    reference.CategoryFamilyTypes,
    reference.CategoryValues,
    reference.VatRates,
    reference.HandlingTimes,
    reference.Localities,
    reference.CourierAccounts,
    reference.Addresses,
    finance.InvoiceCategories,
    finance.Invoices,
    finance.InvoiceLines,
    finance.CustomerInvoices,
    finance.CustomerInvoiceLines,
    *CODE_LISTS,
    RejectedRows,
)


class TapEmag(Tap):
    """Reads one seller account of the eMAG Marketplace."""

    name = "tap-emag"
    package_name = "tap-emag"
    config_jsonschema: ClassVar[dict[str, Any]] = config_schema()
    message_writer_class = LockedWriter

    def __init__(
        self,
        *,
        catalog: Catalog | Mapping[str, Any] | None = None,
        **options: Any,  # noqa: ANN401 - the SDK's own
    ) -> None:
        """Take settings, state, and of the catalog the selection.

        Raises:
            ConfigurationError: One of them cannot be used.
        """
        given = catalog.to_dict() if isinstance(catalog, Catalog) else catalog
        if given is not None:
            given = selection.usable(given, STREAMS, self.logger.warning)
        super().__init__(catalog=given, **options)

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what can be used of a state; the rest is read anew.

        Raises:
            ConfigurationError: It is none.
        """
        names = {stream.table.name for stream in STREAMS}
        now = datetime.now(timezone.utc)
        super().load_state(bookmarks.usable(state, names, now, self.logger.warning))

    @classmethod
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        """Read the configuration files.

        Raises:
            click.BadParameter: One of them cannot be read, or is no JSON.
        """
        try:
            return super().cb_config(ctx, param, value)
        except OSError as error:
            raise click.BadParameter(f"cannot be read: {error.strerror or error}") from None
        except (ValueError, TypeError, RecursionError):
            raise click.BadParameter(f"{', '.join(value)}: is no JSON object") from None

    @classmethod
    def invoke(
        cls,
        *,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
        **options: Any,  # noqa: ANN401 - the SDK's own
    ) -> None:
        """Run the command with its options.

        Raises:
            ConfigurationError: State or catalog cannot be used.
        """
        super().invoke(
            state=json_object("state", state), catalog=json_object("catalog", catalog), **options
        )

    def discover_streams(self) -> Sequence[EmagStream]:
        """Return all streams, whatever the settings."""
        return [stream(self) for stream in STREAMS]

    @cached_property
    def state_lock(self) -> threading.RLock:
        """Held by whoever reads or changes the state: streams are synced side by side."""
        return threading.RLock()

    @cached_property
    def settings(self) -> Settings:
        """The checked settings.

        Raises:
            ConfigurationError: When any is wrong.
        """
        return Settings.from_config(self.config, datetime.now(timezone.utc))

    @cached_property
    def account(self) -> Account:
        """The account all rows belong to."""
        return Account(self.settings.marketplace, self.settings.account_type)

    @cached_property
    def wall(self) -> Clock:
        """The clock that the API's times are read by."""
        return Clock(self.settings.timezone)

    @cached_property
    def life(self) -> Life:
        """The run's deadline, stall watch and signals."""
        return Life(self.settings.sync_timeout_seconds, self.settings.stall_timeout_seconds)

    @cached_property
    def run_id(self) -> str:
        """The id of this run, in logs and reports."""
        return run_id()

    @cached_property
    def counts(self) -> Counts:
        """What this run counts."""
        return Counts(self.account)

    @cached_property
    def progress(self) -> Progress:
        """Tells whoever waits how far the run is."""
        return Progress.for_this_process()

    @cached_property
    def observer(self) -> Observer:
        """Watches the streams' syncs and reports on the run."""
        return Observer(self.counts, self.settings, self.run_id)

    @cached_property
    def client(self) -> Client:
        """The one client all streams share, and with it the account's budgets and breaker."""
        settings = self.settings
        caller = f"{settings.account} {settings.password}"
        breaker = Breaker(
            settings.state_dir / file_name(settings.account, "breaker"),
            caller,
            threshold=settings.breaker_failure_threshold,
            recovery=settings.breaker_recovery_seconds,
        )
        limiter = Limiter(self._budgets(), sleep=self.life.pause)
        breaker.check()
        return Client(
            settings, life=self.life, limiter=limiter, breaker=breaker, counts=self.counts
        )

    def _budgets(self) -> BudgetStore:
        settings = self.settings
        if settings.rate_limit_store:
            return PostgresStore(
                settings.rate_limit_store, settings.account, settings.rate_limit_share
            )
        try:
            return FileStore(settings.state_dir, settings.account, settings.rate_limit_share)
        except OSError as error:
            problem = (
                f"state_dir: {settings.state_dir} cannot be used ({error.strerror}); write a folder"
                " this user may write to"
            )
            raise ConfigurationError([problem]) from None

    @cached_property
    def rejected(self) -> RejectedRows:
        """The stream that keeps what no table could take."""
        [stream] = [one for one in self.streams.values() if isinstance(one, RejectedRows)]
        return stream

    def executor(self, bucket: str) -> ThreadPoolExecutor:
        """Return the threads that requests of a bucket are sent from.

        Each bucket has its own: requests that wait for the slower budget would take the places of
        those that could go.
        """
        with self.state_lock:
            if bucket not in self._executors:
                self._executors[bucket] = ThreadPoolExecutor(
                    self.settings.max_concurrent_requests, f"requests-{bucket}"
                )
            return self._executors[bucket]

    @cached_property
    def _executors(self) -> dict[str, ThreadPoolExecutor]:
        return {}

    # The SDK declares it final, but has no other place around a whole sync.
    def sync_all(self) -> None:  # type: ignore[misc]
        """Sync all selected streams within the run's limits.

        Raises:
            EmagError: What went wrong, or what ended the run early.
        """
        self._reset_state_progress_markers()
        lanes: dict[str, list[EmagStream]] = defaultdict(list)
        for stream in self._chosen_streams():
            lanes[stream.lane].append(stream)
        if not lanes:
            self.logger.warning("no stream is selected: nothing is read")
        with self.observer.run():
            self.life.start()
            self.progress.start()
            try:
                if self.state:
                    self.state_writer.write_state(self.state)
                self.rejected.begin()
                sync(list(lanes.values()), self.life)
            except BrokenPipeError:
                raise TargetGoneError(
                    "the target has closed the pipe; its own log says why"
                ) from None
            finally:
                self.life.stop()
                self.progress.stop()
                self.rejected.end()

    def _chosen_streams(self) -> Iterator[EmagStream]:
        """Give the streams that are selected, or that have a selected child."""
        for stream in self.streams.values():
            chosen = stream.selected or stream.has_selected_descendents
            if stream is self.rejected or stream.parent_stream_type:
                continue
            if chosen and isinstance(stream, EmagStream):
                yield stream

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Ask the run to end where its state is whole; the SDK's own handler would exit with 0."""
        if "life" in self.__dict__ and self.life.running:
            self.life.signal(signum)
        else:
            sys.exit(128 + signum)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check all settings together, and name everything that is wrong at once.

        Raises:
            ConfigurationError: If `raise_errors` and any setting is wrong.
        """
        hide(secrets_of(self.config))
        if self.config.get("log_format") == "json":
            # Before the others are checked, so that what is wrong with them is told as JSON, too.
            given = default_values() | {name: value for name, value in self.config.items() if value}
            write_json(self.run_id, f"{given['marketplace']}/{given['account_type']}")
        try:
            Settings.from_config(self.config, datetime.now(timezone.utc))
            return super()._validate_config(raise_errors=raise_errors)
        except ConfigurationError as error:
            if raise_errors:
                raise
            return error.problems
        except ConfigValidationError as error:
            raise ConfigurationError(list(error.errors)) from None
