"""Watches one run: times its streams, counts how they end, and reports when it is over."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Protocol

from singer_sdk.metrics import get_metrics_logger

from tap_emag.api.rate_limit_local import name_of
from tap_emag.api.rate_limiter import BUCKETS
from tap_emag.errors import (
    ConfigurationError,
    DeadlineError,
    EmagError,
    InterruptedSyncError,
    StallError,
    TargetGoneError,
)
from tap_emag.metrics import Publisher
from tap_emag.metrics import definitions as families
from tap_emag.metrics.totals import AccountState
from tap_emag.reporting.report import RunReport, StreamReport
from tap_emag.reporting.sdk_metrics import log_usage
from tap_emag.reporting.summary import code_lists_line, line_of, table_of
from tap_emag.reporting.webhook import HURRIED, PATIENCE, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import ClassVar

    from singer_sdk import Stream

    from tap_emag.reporting.report import Status
    from tap_emag.reporting.unconfirmed import Confirmation
    from tap_emag.run import Run

logger = logging.getLogger("tap-emag")

RUN = "run"  # in place of a stream: failures outside all streams
SIGNALS = 128  # what shells add to a signal's number
WAITS = families.LIMIT_WAIT.name


class ObservedStream(Protocol):
    """The attributes of a stream that an observer reads."""

    name: str
    bucket: ClassVar[str]

    @property
    def bookmarked(self) -> bool:
        """Whether an earlier run has read it."""

    @property
    def oldest_bookmark(self) -> datetime | None:
        """The moment up to which it is read."""

    @property
    def plan(self) -> str | None:
        """What its sync reads, None if it sends no request."""

    @property
    def child_streams(self) -> Sequence[Stream]:
        """The streams whose rows come with its own."""


class Observer:
    """Watches one run; streams of different buckets report from different threads."""

    def __init__(self, run: Run, loader: Confirmation | None = None) -> None:
        """Count in the run's recorder, and report as its settings declare.

        Args:
            run: The run.
            loader: Keeps the report until the loader has confirmed the run; without it, written
                rows count as loaded.
        """
        self._loader = loader
        self._keeping = False  # nothing is kept before the state folder was checked
        self._recorder = run.recorder
        self._settings = run.settings
        self._store = run.store
        self._publisher = Publisher(run.recorder, run.settings, run.metric_totals)
        self._identity = run.run_id
        self._lock = threading.Lock()
        self._streams: list[StreamReport] = []
        self._not_due: list[str] = []
        self._begun = time.monotonic()
        self._started = datetime.now(timezone.utc)

    @contextmanager
    def run(self) -> Iterator[None]:
        """Watch the complete run, and report its end: in the log, as metrics, to the webhook.

        Raises:
            ConfigurationError: The state folder cannot be used.
        """
        error: BaseException | None = None
        try:
            self._begin()
            if self._loader:
                self._loader.begin(self.report(None))
            yield
        except SystemExit as caught:
            # A signal that came before the run could handle it.
            code = caught.code if isinstance(caught.code, int) else 1
            error = InterruptedSyncError(code - SIGNALS) if code > SIGNALS else caught
            raise
        except BaseException as caught:
            error = caught
            raise
        finally:
            self._report_end(error)

    def report_failed_start(self, error: BaseException) -> None:
        """Report an error that came before the run could begin."""
        with suppress(ConfigurationError):
            self._begin()
        self._report_end(error)

    def _begin(self) -> None:
        settings = self._settings
        self._store.prepare()
        self._keeping = True
        where = AccountState(
            name_of(settings.api_identity, ""),
            name_of(settings.budget_identity, ""),
            settings.rate_limit_share,
            settings.rate_limit_store is not None,
        )
        self._publisher.start(where)

    def _report_end(self, error: BaseException | None) -> None:
        """Report the end on every channel; one that fails does not stop the others."""
        if error is not None and not any(stream.error for stream in self._streams):
            self._recorder.failed(RUN, error, timed_out=False)
        report = self.report(error)
        _guarded("log of requests", lambda: log_usage(self._recorder, get_metrics_logger()))
        _guarded("summary", lambda: self._log_summary(report))
        if self._keeping:
            _guarded("metrics", self._publisher.stop)
        _guarded("webhook", lambda: self._send(report, error))

    def _send(self, report: RunReport, error: BaseException | None) -> None:
        # Only the loader knows whether it stored the rows, and why it ended.
        unknown = error is None or isinstance(error, TargetGoneError)
        loader = self._loader if self._keeping else None
        if loader and loader.keep(report, sent=not unknown) and unknown:
            logger.debug("the rows are with the loader; `emag-ops report-runs` reports the outcome")
            return
        # The sender of a signal waits for the end, perhaps not for long.
        hurried = isinstance(error, InterruptedSyncError)
        send(self._settings, report, HURRIED if hurried else PATIENCE)

    @contextmanager
    def sync(self, stream: ObservedStream) -> Iterator[None]:
        """Watch the sync of one stream; count an error and raise it again."""
        begun, started = time.monotonic(), datetime.now(timezone.utc)
        full = not stream.bookmarked
        before = self._asked(stream.bucket)
        self._publisher.sync_began(stream.name)
        error: BaseException | None = None
        try:
            self._log_begin(stream)
            yield
        except BaseException as caught:
            error = caught
            raise
        finally:
            seconds = time.monotonic() - begun
            after = self._asked(stream.bucket)
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
                started=started,
            )
            with self._lock:
                self._streams.append(report)
            if report.requests or report.error:
                # Schedulers read `rows` where Meltano logs JSON.
                logger.info(line_of(report), extra={"rows": dict(report.rows)})
            self._publisher.sync_ended(stream.name)

    def _log_begin(self, stream: ObservedStream) -> None:
        plan = stream.plan
        if plan:
            logger.info("%s: %s", stream.name, plan)
        elif stream.bucket in BUCKETS:
            with self._lock:
                self._not_due.append(stream.name)

    def _log_summary(self, report: RunReport) -> None:
        if self._not_due:
            logger.info(
                "read less than %d s ago (metadata_cache_ttl_seconds), so not again: %s",
                self._settings.metadata_cache_ttl_seconds,
                ", ".join(self._not_due),
            )
        known = {stream.stream for stream in report.streams if stream.requests or stream.error}
        codes = [each for each in report.streams if each.stream not in known and each.rows]
        if codes:
            rows = {name: number for each in codes for name, number in each.rows.items()}
            logger.info(code_lists_line(codes), extra={"rows": rows})
        for line in table_of(report):
            logger.info(line)

    def report(self, error: BaseException | None) -> RunReport:
        """Return the report of the run until now, and of the error that ended it."""
        with self._lock:
            streams = tuple(self._streams)
        account = self._recorder.account
        ours = isinstance(error, EmagError)
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
            # Errors of other packages may quote personal data.
            message=str(error) if ours else None,
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
        if error is None and self._loader:
            return  # `emag-ops report-runs` counts it, when it is loaded
        recorder, status = self._recorder, status_of(error)
        recorder.synced(name, "full" if full else "incremental", status, seconds)
        backfill = self._settings.is_off_the_bookmark
        if error is not None:
            recorder.failed(name, error, timed_out=status == "timed_out")
        elif not backfill:
            recorder.succeeded(name, time.time())
        if bookmark is not None and not backfill:
            recorder.set_bookmark_metric(name, bookmark.timestamp())

    def _asked(self, bucket: str) -> tuple[float, float]:
        """Return requests and waiting seconds of a bucket, which syncs one stream at a time."""
        recorder = self._recorder
        return (
            recorder.total(f"{WAITS}_count", operation_type=bucket),
            recorder.total(f"{WAITS}_sum", operation_type=bucket),
        )

    def _rows(self, stream: ObservedStream) -> dict[str, int]:
        written = self._recorder.by(families.RECORDS.name, "stream")
        names = [stream.name, *(child.name for child in stream.child_streams)]
        return {name: int(written[name]) for name in names if name in written}

    def _actions(self, name: str) -> dict[str, int]:
        found = self._recorder.by(families.ROWS_MET.name, "action", sync_type=name)
        return {action: int(number) for action, number in found.items()}


@contextmanager
def reporting_a_failed_start(run: Run) -> Iterator[None]:
    """Report a failure that comes before the run, as far as its settings are valid."""
    try:
        yield
    except Exception as error:
        run.settings = run.checked.usable  # for the report only
        observer = Observer(run)
        if "state_dir" in run.checked.problems:  # nothing is written to the default one instead
            send(run.settings, observer.report(error))
        else:
            observer.report_failed_start(error)
        raise


def _guarded(channel: str, report: Callable[[], object]) -> None:
    """Report on one channel; log an error, so that the other channels follow."""
    try:
        report()
    except Exception as failure:  # noqa: BLE001 - libraries may raise anything
        logger.warning("%s: the run's end is not reported (%s)", channel, type(failure).__name__)


def status_of(error: BaseException | None) -> Status:
    """Return the status of a run or stream that ended with this error."""
    if error is None:
        return "completed"
    return "timed_out" if isinstance(error, DeadlineError | StallError) else "failed"
