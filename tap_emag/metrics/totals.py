"""Stores the totals of all runs, in the state store that processes share.

A run ends after minutes, while Prometheus expects counters that never end. So the counts of each
run are added to those of earlier and simultaneous runs. A killed process loses its counts of the
last few seconds. Lost totals begin at zero, which Prometheus treats as a restart.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

    from tap_emag.metrics.recorder import Sample
    from tap_emag.settings.account import Account
    from tap_emag.state.liveness import Liveness
    from tap_emag.state.store import StateStore

COUNT = """
INSERT INTO metric_totals VALUES (?, ?, ?)
ON CONFLICT (name, labels) DO UPDATE SET value = value + excluded.value
"""
SET = "REPLACE INTO metric_totals VALUES (?, ?, ?)"
SET_MISSING = "INSERT OR IGNORE INTO metric_totals VALUES (?, ?, ?)"
FIELD = "INSERT OR IGNORE INTO unknown_fields VALUES (?, ?, ?, ?)"
TOKENS = "SELECT DISTINCT token FROM running_syncs"
ACCOUNT = "REPLACE INTO accounts VALUES (?, ?, ?, ?, ?, ?)"
FORGET_ACCOUNT = "DELETE FROM accounts WHERE marketplace = ? AND account_type = ?"
FORGET_FIELDS = "DELETE FROM unknown_fields WHERE marketplace = ? AND account_type = ?"
FORGET_TOTAL = "DELETE FROM metric_totals WHERE name = ? AND labels = ?"
OF_TYPE = "SELECT 1 FROM accounts WHERE account_type = ?"


class AccountState(NamedTuple):
    """Where an account's budgets and circuit breakers are, for a reader of the store.

    `name` is the prefix of the breakers' names, `budget` that of the budgets' names, which several
    accounts may have in common. `share` is the part of the budgets that may be used. `shared` is
    true if the budgets are in the database of `rate_limit_store`.
    """

    name: str
    budget: str
    share: float
    shared: bool


class RunningSync(NamedTuple):
    """A sync that is under way, with the token of its process."""

    token: str
    account_type: str
    sync_type: str


@dataclass
class Sums:
    """The totals; `fields` has the names of unknown fields by marketplace, type and table."""

    values: dict[Sample, float] = field(default_factory=dict)
    fields: dict[tuple[str, str, str], set[str]] = field(default_factory=dict)
    running: list[RunningSync] = field(default_factory=list)
    accounts: dict[tuple[str, str], AccountState] = field(default_factory=dict)


class Totals:
    """The totals in a state store. Safe to use from several threads and processes."""

    def __init__(self, state: StateStore) -> None:
        """Use a state store."""
        self.state = state

    def read(self) -> Sums:
        """Return the totals; `running` has no syncs of ended processes.

        Raises:
            OSError: The file cannot be read.
        """
        sums = Sums()
        with self.state.read_only() as state:
            for name, labels, value in state.execute("SELECT * FROM metric_totals"):
                sums.values[name, _labels(labels)] = value
            for *owner, name in state.execute("SELECT * FROM unknown_fields"):
                sums.fields.setdefault((owner[0], owner[1], owner[2]), set()).add(json.loads(name))
            for *owner, name, budget, share, shared in state.execute("SELECT * FROM accounts"):
                where = AccountState(name, budget, share, bool(shared))
                sums.accounts[owner[0], owner[1]] = where
            running = [RunningSync(*row) for row in state.execute("SELECT * FROM running_syncs")]
        alive = {
            token: self.state.liveness.lives(token) for token in {one.token for one in running}
        }
        sums.running = [one for one in running if alive[one.token]]
        return sums

    @contextmanager
    def changing(self) -> Iterator[Changes]:
        """Yield an object that changes the totals, in one transaction.

        Raises:
            OSError: The file cannot be used.
        """
        with self.state.transaction() as state:
            yield Changes(state, self.state.liveness)

    def count(self, name: str, labels: Mapping[str, str], number: float) -> None:
        """Add to one counter.

        Raises:
            OSError: The file cannot be used.
        """
        with self.changing() as changes:
            changes.count({(name, tuple(sorted(labels.items()))): number})


class Changes:
    """Changes the totals within a transaction."""

    def __init__(self, state: sqlite3.Connection, liveness: Liveness) -> None:
        """Use a transaction's connection."""
        self._state = state
        self._liveness = liveness

    def count(self, samples: Mapping[Sample, float]) -> None:
        """Add to counters."""
        self._write(COUNT, samples)

    def set(self, samples: Mapping[Sample, float]) -> None:
        """Set gauges."""
        self._write(SET, samples)

    def set_missing(self, samples: Mapping[Sample, float]) -> None:
        """Set gauges that have no value yet."""
        self._write(SET_MISSING, samples)

    def add_fields(self, account: Account, fields: Mapping[str, Iterable[str]]) -> None:
        """Add names of unknown fields, by table."""
        owner = account.marketplace, account.account_type
        # As JSON: a name comes from the API, and may contain control sequences for a terminal.
        rows = [
            (*owner, table, json.dumps(name))
            for table, names in fields.items()
            for name in list(names)
        ]
        self._state.executemany(FIELD, rows)

    def set_account(self, account: Account, where: AccountState) -> None:
        """Set where an account's budgets and breakers are."""
        self._state.execute(ACCOUNT, (account.marketplace, account.account_type, *where))

    def forget_account(self, marketplace: str, account_type: str) -> bool:
        """Drop an account, its totals and its unknown fields; return whether it was there.

        Totals without a marketplace stay while another account has the same type.
        """
        owner = (marketplace, account_type)
        found = self._state.execute(FORGET_ACCOUNT, owner).rowcount > 0
        self._state.execute(FORGET_FIELDS, owner)
        left = self._state.execute(OF_TYPE, (account_type,)).fetchone() is not None
        for name, text in self._state.execute("SELECT name, labels FROM metric_totals").fetchall():
            labels = dict(_labels(text))
            usual = None if left else marketplace
            if (labels.get("marketplace", usual), labels.get("account_type")) == owner:
                self._state.execute(FORGET_TOTAL, (name, text))
        return found

    def set_running(self, syncs: Iterable[RunningSync], token: str) -> None:
        """Set the syncs of the process with this token; drop those of ended processes."""
        for (each,) in self._state.execute(TOKENS).fetchall():
            if each == token or not self._liveness.lives(each):
                self._state.execute("DELETE FROM running_syncs WHERE token = ?", (each,))
        self._state.executemany("INSERT INTO running_syncs VALUES (?, ?, ?)", syncs)

    def _write(self, statement: str, samples: Mapping[Sample, float]) -> None:
        rows = [(name, json.dumps(labels), value) for (name, labels), value in samples.items()]
        self._state.executemany(statement, rows)


def _labels(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(text))
