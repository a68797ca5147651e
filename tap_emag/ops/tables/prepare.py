"""Brings the tables of a schema to what the streams declare, without delaying other sessions.

A statement that needs a table for itself gives up after half a second, so that the queries that
have come after it go on, and tries again some times. Postgres looks for deadlocks after a second:
no query of another session ends because of one with this.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable
from psycopg.sql import SQL, Identifier

from tap_emag.ops.tables.changes import Changes
from tap_emag.ops.tables.present import present_tables
from tap_emag.ops.tables.views import UnkeptViewError, kept_views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from psycopg.sql import Composed

    from tap_emag.ops.tables.changes import TableChange
    from tap_emag.ops.tables.declared import DeclaredTable

    Connection = psycopg.Connection[Any]

ATTEMPTS: Final = 10
PAUSE: Final = 0.5  # seconds
BEGIN: Final = """
SET LOCAL lock_timeout TO '500ms';
SET LOCAL TimeZone TO 'UTC';
"""
# One process at a time prepares a schema; another one waits for it, and then finds nothing to do.
ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtextextended('tap-emag ' || %s, 0))"
# The session that has used one of the tables for the longest time.
HOLDER: Final = """
SELECT activity.pid, activity.usename, extract(epoch FROM now() - activity.xact_start)::int
FROM pg_locks AS taken
JOIN pg_stat_activity AS activity ON activity.pid = taken.pid
JOIN pg_class AS kind ON kind.oid = taken.relation
WHERE kind.relnamespace = to_regnamespace(quote_ident(%s))
  AND taken.granted AND taken.pid <> pg_backend_pid()
ORDER BY activity.xact_start
LIMIT 1
"""


@dataclass
class Outcome:
    """What was changed, and what could not be; a sentence each."""

    done: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Preparation:
    """Prepares the tables of one schema."""

    def __init__(
        self, connection: Connection, schema: str, declared: Mapping[str, DeclaredTable]
    ) -> None:
        """Use a connection with autocommit, logged in as the loader."""
        self._connection = connection
        self._schema = schema
        self._declared = declared
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Create, migrate and complete the tables; what is right already is left alone."""
        changes = self._changes()
        self._report_others(changes)
        if changes.missing():
            self._try("missing tables", self._create)
        if changes.old_tables():
            self._try("tables of an earlier version", self._migrate)
        for name in self._changes().incomplete():
            self._try(f"{self._schema}.{name}", partial(self._complete, name))
        return self._outcome

    def lacking(self) -> list[str]:
        """Return the names of the tables that are there, and not as declared."""
        changes = self._changes()
        old = (each.name for each in changes.old_tables())
        return sorted({*old, *changes.incomplete(), *changes.not_owned()})

    def _changes(self) -> Changes:
        present = present_tables(self._connection, self._schema, self._declared)
        return Changes(self._schema, self._declared, present)

    def _report_others(self, changes: Changes) -> None:
        for name in changes.foreign:
            self._outcome.problems.append(
                f"{self._schema}.{name} lacks key columns of the tap's table of this name: it is"
                " left alone; rename it, or load into another schema"
                " (TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA)"
            )
        names = changes.not_owned()
        if names:
            self._outcome.problems.append(
                f"another role owns {', '.join(names)}, and only it can change them: run"
                " `emag-ops prepare-tables` once as that role (TARGET_POSTGRES_USER)"
            )

    def _try(self, what: str, change: Callable[[], list[str]]) -> None:
        """Make one change in a transaction, or add the reason why not to the problems."""
        try:
            for attempt in range(ATTEMPTS):
                if attempt:
                    time.sleep(PAUSE)
                with suppress(LockNotAvailable, DeadlockDetected):
                    with self._transaction():
                        done = change()
                    self._outcome.done += done
                    return
            problem = f"{self._holder()}; nothing was changed, the next run tries again"
        except UnkeptViewError as error:
            problem = f"{error}; drop this view, run `emag-ops prepare-tables`, and create it again"
        except psycopg.Error as error:
            problem = error.diag.message_primary or type(error).__name__
        self._outcome.problems.append(f"{what}: {problem}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._connection.transaction():
            self._connection.execute(BEGIN)
            self._connection.execute(ONE_AT_A_TIME, [self._schema])
            yield

    def _create(self) -> list[str]:
        schema = self._schema
        query = "SELECT to_regnamespace(quote_ident(%s)) IS NULL"
        if self._connection.execute(query, [schema]).fetchone() == (True,):
            self._connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
        changes = self._changes()
        names = changes.missing()
        self._execute([changes.create(name) for name in names])
        # All at once is quicker. If it fails, `run` completes one table after the other.
        with suppress(psycopg.Error), self._connection.transaction():
            created = self._changes()
            self._execute([each for name in names for each in created.details(name)])
        return [f"tables created: {len(names)}"]

    def _migrate(self) -> list[str]:
        """Add columns, and change the types of times; take views over these off meanwhile."""
        changes, connection = self._changes(), self._connection
        old = changes.old_tables()
        if not old:
            return []
        connection.execute(SQL("SET LOCAL search_path TO {}").format(Identifier(self._schema)))
        places = SQL(", ").join(Identifier(self._schema, each.name) for each in old)
        connection.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(places))
        views = kept_views(connection, self._schema, old)
        for view in views:
            view.drop(connection)
        self._execute([changes.alter(each) for each in old])
        for view in reversed(views):
            view.restore(connection)
        return [*_migrated(old, [f"{view.schema}.{view.name}" for view in views])]

    def _complete(self, name: str) -> list[str]:
        self._execute([*self._changes().details(name)])
        return []

    def _execute(self, statements: Sequence[Composed]) -> None:
        if statements:
            self._connection.execute(SQL(";\n").join(statements))

    def _holder(self) -> str:
        found = self._connection.execute(HOLDER, [self._schema]).fetchone()
        if found is None:
            return "another session was using them"
        pid, role, seconds = found
        return f"process {pid} of Postgres, role {role}, has been using them for {seconds} s"


def _migrated(old: Sequence[TableChange], views: Sequence[str]) -> Iterator[str]:
    converted = [each.name for each in old if each.without_zone]
    added = [f"{each.name}.{column}" for each in old for column in each.missing]
    if converted:
        yield f"times have a zone now in: {', '.join(converted)}"
    if added:
        yield f"columns added: {', '.join(added)}"
    if views:
        yield f"views that go on to show UTC without a zone: {', '.join(views)}"
