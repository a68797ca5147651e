"""The Singer tap: settings, streams, and one sync of all of them."""

from __future__ import annotations

import signal
import sys
import threading
from collections import defaultdict
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.singerlib import Catalog, StateMessage

from tap_emag.api.connection_test import LONGEST_TEST, ask, hasty
from tap_emag.errors import ConfigurationError, EmagError
from tap_emag.meltano.own_run import is_started_by_meltano
from tap_emag.redaction import hide, secrets_of
from tap_emag.reporting.first_sync import FirstSync
from tap_emag.reporting.observer import Observer, reporting_a_failed_start
from tap_emag.reporting.sync_rows import sync_rows
from tap_emag.reporting.unconfirmed import Confirmation
from tap_emag.run import Run, log_as_configured, run_id
from tap_emag.settings.kinds import is_quoted
from tap_emag.settings.settings import SETTINGS, config_schema
from tap_emag.singer_io import (
    LockedWriter,
    environment,
    json_value,
    output,
    override,
    restrict_catalog,
)
from tap_emag.state import bookmarks
from tap_emag.state.delivered import pipelines_of
from tap_emag.streams.base import NO_REQUESTS, EmagStream
from tap_emag.streams.codes.stream import CODE_LISTS
from tap_emag.streams.invoices import stream as finance
from tap_emag.streams.orders import stream as orders
from tap_emag.streams.orders import volumetry_stream as volumetry
from tap_emag.streams.products import estimate_stream as estimates
from tap_emag.streams.products import stream as products
from tap_emag.streams.reference import stream as reference
from tap_emag.streams.rejected.stream import RejectedRows
from tap_emag.streams.returns import stream as returns
from tap_emag.streams.stream_maps import stream_mapper
from tap_emag.streams.syncs.stream import Syncs
from tap_emag.sync import sync, threads
from tap_emag.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from types import FrameType
    from typing import IO

    from singer_sdk.plugin_base import _ConfigInput

STREAMS: tuple[type[EmagStream], ...] = (
    orders.Orders,
    orders.OrderLines,
    orders.OrderVouchers,
    orders.OrderVoucherSplits,
    orders.OrderAttachments,
    volumetry.OrderVolumetry,
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
    reference.AwbPackages,
    finance.InvoiceCategories,
    finance.Invoices,
    finance.InvoiceLines,
    finance.CustomerInvoices,
    finance.CustomerInvoiceLines,
    *CODE_LISTS,
    RejectedRows,
    Syncs,
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
        run: Run | None = None,
        **options: Any,  # noqa: ANN401 - the SDK's own
    ) -> None:
        """Take settings, state, and the catalog's selection.

        Args:
            catalog: The given catalog, if any.
            run: The run, if its settings are checked already.
            options: The SDK's own: config, state and so on.

        Raises:
            ConfigurationError: One of them is invalid.
        """
        given = catalog.to_dict() if isinstance(catalog, Catalog) else catalog
        if given is not None:
            given = restrict_catalog(given, STREAMS, self.logger.warning)
        if run is not None:
            self.run = run
        super().__init__(catalog=given, **options)

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Load the valid part of a state; read the rest anew.

        Raises:
            ConfigurationError: It is not a state.
        """
        names = {stream.table.name for stream in STREAMS}
        now = self.run.machine_now()
        super().load_state(bookmarks.sanitize_state(state, names, now, self.logger.warning))

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        """Read the configuration files.

        Raises:
            click.BadParameter: One of them cannot be read, or is not JSON.
        """
        log_as_configured({}, run_id())
        try:
            given = super().cb_config(ctx, param, value)
        except OSError as error:
            raise click.BadParameter(f"cannot be read: {error.strerror or error}") from None
        except (ValueError, TypeError, RecursionError):
            raise click.BadParameter(f"{', '.join(value)}: is not a JSON object") from None
        log_as_configured(given.config, run_id())
        return given

    @classmethod
    @override
    def invoke(  # type: ignore[override]  # as the SDK's own
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        """Run the command with its options; the SDK's own reports no failure before the sync.

        Raises:
            ConfigurationError: Settings, state or catalog are invalid.
        """
        if about:
            with output():
                cls.print_about(about_format)
                sys.stdout.flush()
            return
        cls.print_version(print_fn=cls.logger.debug)
        values = dict(config.config) if config else {}
        if config and config.parse_env:
            values |= environment(cls.config_jsonschema)
        run = Run(values)
        with reporting_a_failed_start(run):
            tap = cls(
                config=values,
                run=run,
                state=json_value("state", state),
                catalog=json_value("catalog", catalog),
            )
        tap.sync_all()

    @override
    def run_discovery(self) -> str:
        """Write the catalog.

        Raises:
            EmagError: Standard output cannot be written to.
        """
        with output():
            text = super().run_discovery()
            sys.stdout.flush()
        return text

    @override
    def setup_mapper(self) -> None:
        """Set up the stream maps.

        Raises:
            ConfigurationError: A map is invalid, or names a stream or column that does not exist.
        """
        self._mapper = stream_mapper(self.config, self.catalog, self.logger)

    @override
    def discover_streams(self) -> Sequence[EmagStream]:
        """Return all streams, with any settings."""
        return [stream(self, self.run) for stream in STREAMS]

    @cached_property
    def run(self) -> Run:
        """The run, which all streams share."""
        return Run(self.config)

    @cached_property
    def observer(self) -> Observer:
        """Watches the streams' syncs and reports on the run."""
        recorded = self.run.recorded_run
        loader = (
            Confirmation(self.run.store, self.run.settings, recorded.state_id) if recorded else None
        )
        return Observer(self.run, loader)

    @cached_property
    def rejected(self) -> RejectedRows:
        """The stream that stores rows which no table can take."""
        [stream] = [one for one in self.streams.values() if isinstance(one, RejectedRows)]
        return stream

    @cached_property
    def syncs(self) -> Syncs:
        """The stream that stores what the run did with each stream."""
        [stream] = [one for one in self.streams.values() if isinstance(one, Syncs)]
        return stream

    # The SDK's own reads a row of every stream, and treats the end of each as success.
    @override  # type: ignore[misc]
    def run_connection_test(self) -> bool:
        """Ask the API whether it lets this caller in, and print the verdict.

        Raises:
            EmagError: It refuses the caller, or did not answer in time.
        """
        run = self.run
        run.settings, run.watchdog = hasty(run.settings), Watchdog(LONGEST_TEST)
        run.watchdog.start()
        try:
            verdict = ask(run.client)
            click.echo(f"{run.settings.marketplace}/{run.settings.account_type}: {verdict}")
        finally:
            run.watchdog.stop()
        return True

    # The SDK declares it final, but has no other hook around a complete sync.
    @override  # type: ignore[misc]
    def sync_all(self) -> None:
        """Sync all selected streams within the run's limits.

        Raises:
            EmagError: The first failure, or the reason to end early.
        """
        self._reset_state_progress_markers()
        run = self.run
        buckets: dict[str, list[EmagStream]] = defaultdict(list)
        for stream in self._chosen_streams():
            buckets[stream.bucket].append(stream)
        if not buckets:
            self.logger.warning("no stream is selected: nothing is read")
        asking = [
            each.name for bucket, some in buckets.items() if bucket != NO_REQUESTS for each in some
        ]
        run.recorder.expect(asking, [each.name for each in self.streams.values() if each.selected])
        with self.observer.run(), threads(), self._exclude_others():
            try:
                run.watchdog.start()
                run.progress.start()
                run.check_surroundings()
                with self._storing_syncs():
                    if self.state:
                        self.state_writer.write_state(self.state)
                    self.rejected.begin()
                    codes = buckets.pop(NO_REQUESTS, [])
                    with FirstSync(run, chain(*buckets.values())).announced():
                        some = list(buckets.values())
                        sync(some, run.watchdog, self.observer, codes, run.answered)
            finally:
                run.watchdog.stop()
                run.progress.stop()
                self.rejected.end()

    @contextmanager
    def _storing_syncs(self) -> Iterator[None]:
        """Write the rows of `syncs` when all other rows are written, also after an error.

        `meltano config test` takes any row for a success. So where Meltano has started no loader, a
        run that fails writes none.

        Raises:
            EmagError: The target takes no more messages, and no other error came first.
        """
        try:
            yield
        except BaseException as error:
            if self.run.recorded_run or not is_started_by_meltano():
                with suppress(EmagError):
                    self._store_syncs(error)
            raise
        self._store_syncs(None)

    def _store_syncs(self, error: BaseException | None) -> None:
        readers = {
            each.name: stream.name
            for stream in self._chosen_streams()
            if stream.bucket != NO_REQUESTS
            for each in (stream, *stream.descendent_streams)
            if each.selected
        }
        report = self.observer.report(error)
        self.syncs.write(sync_rows(report, readers, self.run.recorder.error_of))
        # Some targets confirm a state only if no row follows it. The SDK's writer of states would
        # leave out one that is equal to the latest.
        if self.state and self.syncs.selected:
            with self.run.state_lock:
                self.message_writer.write_message(StateMessage(self.state))

    def _exclude_others(self) -> AbstractContextManager[None]:
        """Return the context in which no other run of the same state can begin.

        Raises:
            ConfigurationError: Another pipeline writes every version of a list to this loader.
        """
        state, streams = dict(self.state), list(self._chosen_streams())
        lists = [each for stream in streams if (each := stream.versioned_list)]
        pipelines = pipelines_of(state, [stream.name for stream in streams])
        return self.run.exclude_others(pipelines, self.run.first_lists(state, lists))

    def _chosen_streams(self) -> Iterator[EmagStream]:
        """Yield the streams that are selected, or that have a selected child."""
        for stream in self.streams.values():
            chosen = stream.selected or stream.has_selected_descendents
            if stream in (self.rejected, self.syncs) or stream.parent_stream_type:
                continue
            if chosen and isinstance(stream, EmagStream):
                yield stream

    @override
    def _setup_signal_handlers(self) -> None:
        super()._setup_signal_handlers()
        in_main = threading.current_thread() is threading.main_thread()
        # A program started with `nohup` must not end with its terminal.
        if in_main and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._handle_termination)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Ask the run to end with a consistent state; the SDK's own handler would exit with 0."""
        if "run" in self.__dict__ and self.run.is_watched:
            self.run.watchdog.signal(signum)
        else:
            sys.exit(128 + signum)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check all settings together, and report all problems at once.

        Raises:
            ConfigurationError: If `raise_errors` and any setting is wrong.
        """
        hide(secrets_of(self.config))
        # Before the other settings are checked, so that their problems are logged as JSON, too.
        log_as_configured(self.config, self.run.run_id)
        for each in SETTINGS:
            if each.kind.verbatim and is_quoted(self.config.get(each.name)):
                self.logger.warning(
                    "%s: the quotation marks round it count as part of it", each.name
                )
        try:
            _ = self.run.settings
            return super()._validate_config(raise_errors=raise_errors)
        except ConfigurationError as error:
            if raise_errors:
                raise
            return error.problems
        except ConfigValidationError as error:
            raise ConfigurationError(list(error.errors)) from None
