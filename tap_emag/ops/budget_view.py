"""Looks at budgets and breakers without touching them: no slot is booked, no lock is held."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tap_emag.budgets import boot, unpack
from tap_emag.budgets_postgres import peek
from tap_emag.limits import BUCKETS
from tap_emag.metrics import families as f

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tap_emag.limits import Budget
    from tap_emag.metrics.store import Sums

SECOND, MINUTE = 1.0, 60.0


@dataclass(frozen=True)
class BreakerView:
    """A breaker as it is remembered: `due` is when a request may go again, None while closed."""

    due: datetime | None = None
    failures: int = 0
    reason: str = ""


@dataclass(frozen=True)
class BucketView:
    """One bucket of one account.

    `rate` is what is handed out now, in requests a second, `usual` what is when nobody was refused
    lately; `held` the seconds for which nobody sends after a refusal; `waits`, `waited` (seconds)
    and `refusals` are those of all runs so far.
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

    @property
    def limits(self) -> tuple[int, int]:
        """Return how many requests eMAG allows in a second and in a minute."""
        second, minute = BUCKETS[self.bucket]
        return second.requests, minute.requests


def views(folder: Path, sums: Sums, store_url: str | None) -> Iterator[BucketView]:
    """Give every bucket of every account that has used this folder.

    Raises:
        TransientError: The budgets are kept in Postgres, and it does not answer.
    """
    for (marketplace, account_type), where in sorted(sums.budgets.items()):
        key, share = str(where.get("key", "")), float(where.get("share", 1))
        breaker = breaker_of(folder / f"{key}breaker")
        for bucket in BUCKETS:
            name = f"{key}{bucket}"
            if where.get("shared") and store_url:
                budget, now = peek(store_url, name, bucket, share)
            else:
                budget, now = _peek_file(folder / name, bucket, share), time.monotonic()
            account = {"marketplace": marketplace, "account_type": account_type}
            yield _view(account, bucket, budget, now, sums, breaker)


def breaker_of(path: Path) -> BreakerView:
    """Read what a breaker remembers; closed when it remembers nothing."""
    try:
        record: Mapping[str, Any] = json.loads(path.read_text())
        due = None
        if record["opened"] > 0:
            due = datetime.fromtimestamp(record["opened"] + record["wait"], tz=timezone.utc)
        return BreakerView(due, int(record["failures"]), str(record["reason"]))
    except (OSError, ValueError, TypeError, KeyError):
        return BreakerView()


def _peek_file(path: Path, bucket: str, share: float) -> Budget:
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    return unpack(content, bucket, share, boot())


def _view(
    account: dict[str, str],
    bucket: str,
    budget: Budget,
    now: float,
    sums: Sums,
    breaker: BreakerView,
) -> BucketView:
    kind = {"account_type": account["account_type"], "operation_type": bucket}
    return BucketView(
        marketplace=account["marketplace"],
        account_type=account["account_type"],
        bucket=bucket,
        rate=budget.rate,
        usual=budget.rate / budget.pace,
        last_second=sum(now - SECOND < left <= now for left in budget.left),
        last_minute=sum(now - MINUTE < left <= now for left in budget.left),
        held=max(0.0, budget.held_until - now),
        waits=int(_sum(sums, f.LIMIT_HITS.name, kind)),
        waited=_sum(sums, f"{f.LIMIT_WAIT.name}_sum", kind),
        refusals=int(_sum(sums, f.REFUSALS.name, account | kind)),
        breaker=breaker,
    )


def _sum(sums: Sums, name: str, labels: Mapping[str, str]) -> float:
    return sums.values.get((name, tuple(sorted(labels.items()))), 0.0)
