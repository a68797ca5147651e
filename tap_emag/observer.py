"""Watches one run: times its streams, counts how they end, and reports when it is over."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from uuid import uuid4

from singer_sdk.metrics import get_metrics_logger

from tap_emag.budgets import file_name
from tap_emag.errors import DeadlineError, EmagError, InterruptedSyncError, StallError
from tap_emag.metrics import Publisher, Store, families
from tap_emag.notify import HURRIED, PATIENCE, send
from tap_emag.report import RunReport, StreamReport
from tap_emag.summary import lines_of
from tap_emag.usage import log_usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.metrics import Counts
    from tap_emag.report import Status
    from tap_emag.settings import Settings
    from tap_emag.streams.base import EmagStream

logger = logging.getLogger("tap-emag")

WAITS = families.LIMIT_WAIT.name


def run_id() -> str:
    """Return the id the run was given by whoever started it, or a new one."""
    return os.environ.get("MELTANO_RUN_ID") or str(uuid4())


class Observer:
    """Watches one run. Streams of different lanes come from different threads."""

    def __init__(self, counts: Counts, settings: Settings, identity: str) -> None:
        """Count in `counts`, report to where the settings say; `identity` is the run's id."""
        self._counts = counts
        self._settings = settings
        self._publisher = Publisher(counts, settings, Store(settings.state_dir))
        self._identity = identity
        self._lock = threading.Lock()
        self._streams: list[StreamReport] = []
        self._begun = time.monotonic()
        self._started = datetime.now(timezone.utc)

    @contextmanager
    def run(self) -> Iterator[None]:
        """Watch the whole run, and tell of its end: in the log, as metrics, at the webhook."""
        settings = self._settings
        self._publisher.start(
            {
                "key": file_name(settings.account, ""),
                "share": settings.rate_limit_share,
                "shared": settings.rate_limit_store is not None,
            }
        )
        error: BaseException | None = None
        try:
            yield
        except BaseException as caught:
            error = caught
            raise
        finally:
            self._tell(error)

    def _tell(self, error: BaseException | None) -> None:
        log_usage(self._counts, get_metrics_logger())
        report = self.report(error)
        for line in lines_of(report):
            logger.info(line)
        self._publisher.stop()
        # Whoever sent a signal waits for the end, perhaps not for long.
        hurried = isinstance(error, InterruptedSyncError)
        send(self._settings, report, HURRIED if hurried else PATIENCE)

    @contextmanager
    def sync(self, stream: EmagStream) -> Iterator[None]:
        """Watch the sync of one stream; an error passes through, counted."""
        begun = time.monotonic()
        full = not stream.bookmarked
        before = self._asked(stream.lane)
        self._publisher.sync_began(stream.name)
        error: BaseException | None = None
        try:
            yield
        except BaseException as caught:
            error = caught
            raise
        finally:
            seconds = time.monotonic() - begun
            after = self._asked(stream.lane)
            bookmark = stream.oldest_bookmark
            self._count(stream.name, error, bookmark, seconds, full=full)
            report = StreamReport(
                stream=stream.name,
                status=status_of(error),
                full=full,
                seconds=seconds,
                rows=self._rows(stream),
                actions=self._actions(stream.name),
                requests=round(after[0] - before[0]),
                waited=after[1] - before[1],
                bookmark=bookmark,
                error=type(error).__name__ if error else None,
            )
            with self._lock:
                self._streams.append(report)
            self._publisher.sync_ended(stream.name)

    def report(self, error: BaseException | None) -> RunReport:
        """Return what the run has done until now, and what it ended for."""
        with self._lock:
            streams = tuple(self._streams)
        account = self._counts.account
        told = isinstance(error, EmagError)
        return RunReport(
            run_id=self._identity,
            marketplace=account.marketplace,
            account_type=account.account_type,
            started=self._started,
            seconds=time.monotonic() - self._begun,
            status=status_of(error),
            exit_code=error.exit_code if isinstance(error, EmagError) else int(error is not None),
            streams=streams,
            error=type(error).__name__ if error else None,
            # What is no error of ours may quote somebody's data.
            message=str(error) if told else None,
        )

    def _count(
        self,
        name: str,
        error: BaseException | None,
        bookmark: datetime | None,
        seconds: float,
        *,
        full: bool,
    ) -> None:
        counts, status = self._counts, status_of(error)
        counts.synced(name, "full" if full else "incremental", status, seconds)
        # A backfill ends in the past, and says nothing of how far the stream is.
        backfill = self._settings.end_date is not None
        if error is not None:
            counts.failed(name, error, timed_out=status == "timed_out")
        elif not backfill:
            counts.succeeded(name, time.time())
        if bookmark is not None and not backfill:
            counts.reached(name, bookmark.timestamp())

    def _asked(self, bucket: str) -> tuple[float, float]:
        """Return requests and seconds of waiting: of a bucket's streams one at a time is synced."""
        counts = self._counts
        return (
            counts.total(f"{WAITS}_count", operation_type=bucket),
            counts.total(f"{WAITS}_sum", operation_type=bucket),
        )

    def _rows(self, stream: EmagStream) -> dict[str, int]:
        written = self._counts.by(families.RECORDS.name, "stream")
        names = [stream.name, *(child.name for child in stream.child_streams)]
        return {name: int(written[name]) for name in names if name in written}

    def _actions(self, name: str) -> dict[str, int]:
        found = self._counts.by(families.ROWS_MET.name, "action", sync_type=name)
        return {action: int(number) for action, number in found.items()}


def status_of(error: BaseException | None) -> Status:
    """Tell in a word how something ended."""
    if error is None:
        return "success"
    return "timed_out" if isinstance(error, DeadlineError | StallError) else "failed"
