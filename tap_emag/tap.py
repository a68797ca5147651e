"""The tap: its settings, its streams, and the life of one sync."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Tap
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.exceptions import ConfigValidationError

from tap_emag.client import Client
from tap_emag.errors import ConfigurationError, InterruptedSyncError
from tap_emag.settings import Settings, config_schema
from tap_emag.streams import orders, products
from tap_emag.tables.account import Account
from tap_emag.types import Clock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from tap_emag.streams.base import EmagStream

STREAMS: tuple[type[EmagStream], ...] = (
    orders.Orders,
    orders.OrderLines,
    orders.OrderVouchers,
    orders.OrderVoucherSplits,
    orders.OrderAttachments,
    products.Products,
    products.ProductHistory,
    products.ProductDeletions,
)


class TapEmag(Tap):
    """Reads one seller account of the eMAG Marketplace."""

    name = "tap-emag"
    package_name = "tap-emag"
    config_jsonschema: ClassVar[dict[str, Any]] = config_schema()
    message_writer_class = MsgSpecWriter  # fast, and writes Decimal as an exact JSON number

    def discover_streams(self) -> Sequence[EmagStream]:
        """Return all streams, whatever the settings."""
        return [stream(self) for stream in STREAMS]

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
    def client(self) -> Client:
        """The one client all streams share, and with it the account's budgets."""
        return Client(self.settings, sleep=self.pause)

    @cached_property
    def executor(self) -> ThreadPoolExecutor:
        """The threads that requests are sent from."""
        return ThreadPoolExecutor(self.settings.max_concurrent_requests, "request")

    @cached_property
    def _ending(self) -> threading.Event:
        return threading.Event()

    def pause(self, seconds: float) -> None:
        """Sleep, but no longer than the run lives.

        Raises:
            InterruptedSyncError: When the run is ending.
        """
        self._ending.wait(seconds)
        self.check()

    def check(self) -> None:
        """Do nothing while the run may go on.

        Raises:
            InterruptedSyncError: When a signal has asked it to end.
        """
        if self._ending.is_set():
            raise InterruptedSyncError(self._signal)

    _signal = 0

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Ask the run to end where its state is whole; the SDK's own handler would exit with 0."""
        self._signal = signum
        self._ending.set()

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check all settings together, and name everything that is wrong at once.

        Raises:
            ConfigurationError: If `raise_errors` and any setting is wrong.
        """
        try:
            Settings.from_config(self.config, datetime.now(timezone.utc))
            return super()._validate_config(raise_errors=raise_errors)
        except ConfigurationError as error:
            if raise_errors:
                raise
            return error.problems
        except ConfigValidationError as error:
            raise ConfigurationError(list(error.errors)) from None
