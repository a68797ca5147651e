"""Reads request budgets and circuit breakers without taking a slot or a lock."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tap_emag.api.circuit_breaker import LOAD, Record
from tap_emag.api.rate_limit_local import boot, load
from tap_emag.api.rate_limit_postgres import peek
from tap_emag.api.rate_limiter import BUCKETS
from tap_emag.metrics import definitions as f

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

    from tap_emag.api.rate_limiter import Budget
    from tap_emag.metrics.totals import Sums
    from tap_emag.state.store import StateStore

SECOND, MINUTE = 1.0, 60.0


@dataclass(frozen=True)
class BreakerView:
    """A stored circuit breaker: `due` is when a request may be sent again, None while closed.

    `refused`: it is open because eMAG refused the caller.
    """

    due: datetime | None = None
    failures: int = 0
    reason: str = ""
    refused: bool = False


@dataclass(frozen=True)
class BucketView:
    """One bucket of one account.

    - `sharing`: the accounts that share this budget, as `marketplace/account_type`; itself too.
    - `rate`: requests per second now; `usual`: the same without recent refusals.
    - `held`: seconds for which no request is sent after a refusal.
    - `waits`, `waited` (seconds), `refusals`: the sums of all runs so far.
    - `rest_breaker`: the breaker of the REST helpers, which are a host of their own.
    """

    marketplace: str
    account_type: str
    bucket: str
    sharing: tuple[str, ...]
    rate: float
    usual: float
    last_second: int
    last_minute: int
    held: float
    waits: int
    waited: float
    refusals: int
    breaker: BreakerView
    rest_breaker: BreakerView

    @property
    def limits(self) -> tuple[int, int]:
        """How many requests eMAG allows per second and per minute."""
        second, minute = BUCKETS[self.bucket]
        return second.requests, minute.requests


def views(store: StateStore, sums: Sums, store_url: str | None) -> Iterator[BucketView]:
    """Yield every bucket of every account that has used this store.

    Raises:
        OSError: The file cannot be read.
        TransientError: The budgets are kept in Postgres, and it does not answer.
    """
    with store.read_only() as state:
        for (marketplace, account_type), where in sorted(sums.accounts.items()):
            breakers = [
                _breaker(state, f"{where.name}{each}") for each in ("breaker", "rest-breaker")
            ]
            for bucket in BUCKETS:
                name, now = f"{where.budget}{bucket}", time.monotonic()
                if where.shared and store_url:
                    budget, now = peek(store_url, name, bucket, where.share)
                else:
                    budget = load(state.execute, name, bucket, where.share, boot())
                account = {"marketplace": marketplace, "account_type": account_type}
                yield _view(account, bucket, budget, now, sums, breakers)


def _sharing(sums: Sums, marketplace: str, account_type: str) -> tuple[str, ...]:
    own = sums.accounts[marketplace, account_type]
    return tuple(
        sorted(
            "/".join(account)
            for account, where in sums.accounts.items()
            if (where.budget, where.shared) == (own.budget, own.shared)
        )
    )


def _breaker(state: sqlite3.Connection, name: str) -> BreakerView:
    found = state.execute(LOAD, (name,)).fetchone()
    record = Record(*found) if found else Record()
    if not record.opened:
        return BreakerView(None, record.failures, record.reason)
    due = datetime.fromtimestamp(record.opened + record.wait, tz=timezone.utc)
    return BreakerView(due, record.failures, record.reason, record.refusals > 0)


def _view(
    account: dict[str, str],
    bucket: str,
    budget: Budget,
    now: float,
    sums: Sums,
    breakers: list[BreakerView],
) -> BucketView:
    kind = {"account_type": account["account_type"], "operation_type": bucket}
    return BucketView(
        marketplace=account["marketplace"],
        account_type=account["account_type"],
        bucket=bucket,
        sharing=_sharing(sums, account["marketplace"], account["account_type"]),
        rate=budget.rate,
        usual=budget.rate / budget.pace,
        last_second=sum(now - SECOND < left <= now for left in budget.left),
        last_minute=sum(now - MINUTE < left <= now for left in budget.left),
        held=max(0.0, budget.held_until - now),
        waits=int(_sum(sums, f.LIMIT_HITS.name, kind)),
        waited=_sum(sums, f"{f.LIMIT_WAIT.name}_sum", kind),
        refusals=int(_sum(sums, f.REFUSALS.name, account | kind)),
        breaker=breakers[0],
        rest_breaker=breakers[1],
    )


def _sum(sums: Sums, name: str, labels: Mapping[str, str]) -> float:
    return sums.values.get((name, tuple(sorted(labels.items()))), 0.0)
