"""Reads request budgets and circuit breakers without taking a slot or a lock."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tap_emag.api.circuit_breaker import LOAD, Record
from tap_emag.api.rate_limit_local import boot, load
from tap_emag.api.rate_limit_postgres import reading
from tap_emag.api.rate_limiter import BUCKETS
from tap_emag.metrics import definitions as f
from tap_emag.metrics.totals import AccountState

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
    - `host`: the name of the other host that has waits, refusals and breakers, "" for this one.
    """

    marketplace: str
    account_type: str
    bucket: str
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
    sharing: tuple[str, ...] = ()
    host: str = ""

    @property
    def limits(self) -> tuple[int, int]:
        """How many requests eMAG allows per second and per minute."""
        second, minute = BUCKETS[self.bucket]
        return second.requests, minute.requests


def views(
    store: StateStore, sums: Sums, store_url: str | None, *, all_hosts: bool = False
) -> Iterator[BucketView]:
    """Yield every bucket of every account that has used this store.

    Args:
        store: The state store of this host.
        sums: The totals in it.
        store_url: The address of the budgets in Postgres, if they are there.
        all_hosts: Yield those of accounts that have only run on other hosts, too.

    Raises:
        OSError: The file cannot be read.
        TransientError: The budgets are kept in Postgres, and it does not answer.
    """
    with ExitStack() as stack:
        state = stack.enter_context(store.read_only())
        shared = stack.enter_context(reading(store_url)) if store_url else None
        known, hosts = dict(sums.accounts), {}
        for account, listed in shared.accounts().items() if shared and all_hosts else ():
            if account not in known:
                known[account] = AccountState("", listed.budget, listed.share, shared=True)
                hosts[account] = listed.host
        for account, where in sorted(known.items()):
            breakers = [
                _breaker(state, f"{where.name}{each}") for each in ("breaker", "rest-breaker")
            ]
            for bucket in BUCKETS:
                name, now = f"{where.budget}{bucket}", time.monotonic()
                if where.shared and shared:
                    budget, now = shared.budget(name, bucket, where.share)
                else:
                    budget = load(state.execute, name, bucket, where.share, boot())
                view = _view(account, bucket, budget, now, sums, breakers)
                sharing, host = _sharing(known, account), hosts.get(account, "")
                yield replace(view, sharing=sharing, host=host)


def _sharing(
    known: Mapping[tuple[str, str], AccountState], account: tuple[str, str]
) -> tuple[str, ...]:
    own = known[account]
    return tuple(
        sorted(
            "/".join(each)
            for each, where in known.items()
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
    owner: tuple[str, str],
    bucket: str,
    budget: Budget,
    now: float,
    sums: Sums,
    breakers: list[BreakerView],
) -> BucketView:
    account = dict(zip(("marketplace", "account_type"), owner, strict=True))
    kind = {"account_type": owner[1], "operation_type": bucket}
    return BucketView(
        marketplace=owner[0],
        account_type=owner[1],
        bucket=bucket,
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
