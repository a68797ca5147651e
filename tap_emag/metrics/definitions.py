"""Declares the metrics: names, labels, buckets, meanings.

Dashboards of eMAG syncs have long used the first ten, so their names and labels stay as they are.
An account is a marketplace and a type, but those ten are labelled by type alone. So accounts of
different marketplaces need different types to be distinguished there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tap_emag.errors import EmagError, RefusedError

Kind = Literal["counter", "gauge", "histogram"]
ACCOUNT = ("marketplace", "account_type")
ACTIONS = ("created", "updated", "unchanged", "failed")  # outcomes of a row
BUCKETS = ("orders", "other")  # the request budgets


@dataclass(frozen=True)
class Family:
    """One metric: `labels` in the order of their values, `buckets` of a histogram.

    The value of a `live` metric is computed when it is read: `emag-ops metrics` adds it.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()
    live: bool = False

    @property
    def sample_names(self) -> tuple[str, ...]:
        """Return the names of its samples."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


SYNC_DURATION = Family(
    "emag_sync_duration_seconds",
    "histogram",
    "How long the sync of a stream took.",
    ("account_type", "sync_type", "mode", "status"),
    (10, 30, 60, 120, 300, 600, 900, 1800, 3600),
)
PRODUCTS = Family(
    "emag_sync_products_total",
    "counter",
    "Offers read, by what became of them: created, updated, unchanged, failed.",
    ("account_type", "action"),
)
ERRORS = Family(
    "emag_sync_errors_total",
    "counter",
    "Syncs of a stream that ended with an error; `sync_type` is `run` for what failed before any"
    " stream.",
    ("account_type", "sync_type", "error_type"),
)
REQUESTS = Family(
    "emag_api_requests_total",
    "counter",
    "Requests sent, retries included; the status code is 0 where no reply came.",
    ("account_type", "endpoint", "status_code"),
)
REQUEST_DURATION = Family(
    "emag_api_request_duration_seconds",
    "histogram",
    "How long a request took, from its slot to the end of its reply.",
    ("account_type", "endpoint"),
    (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
LIMIT_HITS = Family(
    "emag_rate_limit_hits_total",
    "counter",
    "Requests that had to wait for a slot of the account's budget.",
    ("account_type", "operation_type"),
)
LIMIT_WAIT = Family(
    "emag_rate_limit_wait_seconds",
    "histogram",
    "How long each request waited for its slot; the count is that of all requests.",
    ("account_type", "operation_type"),
    (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
IN_PROGRESS = Family(
    "emag_sync_in_progress",
    "gauge",
    "Syncs of a stream under way in processes that live.",
    ("account_type", "sync_type"),
)
PRODUCTS_COUNT = Family(
    "emag_products_count",
    "gauge",
    "Offers that the account had at the last complete scan.",
    ("account_type",),
)
TIMEOUTS = Family(
    "emag_sync_timeouts_total",
    "counter",
    "Syncs of a stream ended by the deadline or by a stall.",
    ("account_type", "sync_type"),
)
RECORDS = Family(
    "emag_records_total",
    "counter",
    "Rows written to the target.",
    (*ACCOUNT, "stream"),
)
ROWS_MET = Family(
    "emag_rows_met_total",
    "counter",
    "Rows read, by what became of them: created, updated, unchanged, failed.",
    (*ACCOUNT, "sync_type", "action"),
)
ORDERS_READ = Family(
    "emag_orders_read_total",
    "counter",
    "Orders read, by type: 3 sent by the seller, 2 sent by eMAG.",
    (*ACCOUNT, "order_type"),
)
LATE_ORDERS = Family(
    "emag_late_orders_total",
    "counter",
    "Orders that a deep re-read found, and that no regular run had delivered.",
    (*ACCOUNT, "order_type"),
)
LAST_SUCCESS = Family(
    "emag_last_success_timestamp_seconds",
    "gauge",
    "When a run last ended that read the stream to its end and that the loader confirmed.",
    (*ACCOUNT, "sync_type"),
)
SYNC_INTERVAL = Family(
    "emag_sync_interval_seconds",
    "gauge",
    "Longest pause between two reads of the stream by its schedules; +Inf if it has none.",
    (*ACCOUNT, "sync_type"),
)
BOOKMARK = Family(
    "emag_bookmark_timestamp_seconds",
    "gauge",
    "The moment up to which the stream is read; its lag is time() less this.",
    (*ACCOUNT, "sync_type"),
)
BUDGET_RATE = Family(
    "emag_budget_rate",
    "gauge",
    "Requests per second that the budget allows now; less than usual after refusals.",
    (*ACCOUNT, "operation_type"),
)
REFUSALS = Family(
    "emag_rate_limit_refusals_total",
    "counter",
    "Requests that eMAG refused because the account's budget was used up (HTTP 429).",
    (*ACCOUNT, "operation_type"),
)
BREAKER = Family(
    "emag_breaker_open",
    "gauge",
    "1 while no request is made because the API failed too often, or refused this caller.",
    ACCOUNT,
)
BREAKER_REFUSED = Family(
    "emag_breaker_refused",
    "gauge",
    "1 while no request is made because eMAG refused this caller: user, password or IP address.",
    ACCOUNT,
)
RETRIES = Family(
    "emag_retries_total",
    "counter",
    "Requests sent again after a transient error.",
    (*ACCOUNT, "endpoint", "error_type"),
)
UNKNOWN_FIELDS = Family(
    "emag_unknown_fields",
    "gauge",
    "Fields of the API, seen in any run so far, that have no column or did not fit it.",
    (*ACCOUNT, "table"),
)
STUCK_RUNS = Family(
    "emag_stuck_runs_cleaned_total",
    "counter",
    "Runs that were marked as failed because they were stuck.",
    ("state_id",),
)
BUDGET_REQUESTS = Family(
    "emag_budget_requests",
    "gauge",
    "Requests that left in the last second and in the last minute.",
    (*ACCOUNT, "operation_type", "window"),
    live=True,
)
BUDGET_LIMIT = Family(
    "emag_budget_limit",
    "gauge",
    "Requests that eMAG allows an account in a second and in a minute.",
    (*ACCOUNT, "operation_type", "window"),
    live=True,
)
JOB_RUNNING = Family(
    "emag_job_running",
    "gauge",
    "Runs that Meltano has marked as running.",
    ("state_id",),
    live=True,
)
JOB_STUCK = Family(
    "emag_job_stuck",
    "gauge",
    "Runs that are marked as running, but seem to be stuck.",
    ("state_id",),
    live=True,
)
JOB_LAST_START = Family(
    "emag_job_last_start_timestamp_seconds",
    "gauge",
    "When the latest run began.",
    ("state_id",),
    live=True,
)
JOB_LAST_SUCCESS = Family(
    "emag_job_last_success_timestamp_seconds",
    "gauge",
    "When the latest run that succeeded came to its end.",
    ("state_id",),
    live=True,
)
JOB_INTERVAL = Family(
    "emag_job_interval_seconds",
    "gauge",
    "Longest pause between two starts by its schedules; +Inf if it has none.",
    ("state_id",),
    live=True,
)
JOB_LAST_FAILED = Family(
    "emag_job_last_failed",
    "gauge",
    "1 when the latest run that came to an end has failed.",
    ("state_id",),
    live=True,
)
JOB_LAST_DURATION = Family(
    "emag_job_last_duration_seconds",
    "gauge",
    "How long the latest run took that came to an end.",
    ("state_id",),
    live=True,
)
_DECLARED = tuple(each for each in globals().values() if isinstance(each, Family))
FAMILIES = tuple(each for each in _DECLARED if not each.live)
LIVE_FAMILIES = tuple(each for each in _DECLARED if each.live)


def error_types() -> list[str]:
    """Return the values of `error_type` that a sync of a stream may end with."""
    found, left = ["LoaderFailedError"], [EmagError]  # the first one is counted by emag-ops
    while left:
        kinds = left.pop().__subclasses__()
        left += kinds
        found += [kind.__name__ for kind in kinds if kind is not RefusedError]
    return found
