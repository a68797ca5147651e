"""Turns eMAG's rows into rows of tables, and rejects invalid ones."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from tap_emag.errors import EmagError
from tap_emag.quoting import quote_key
from tap_emag.schema.identity import why_invalid

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from tap_emag.run import Run
    from tap_emag.schema.table import Finding

T = TypeVar("T")


class Placement:
    """Converts the rows of one stream, and logs the keys that its tables do not declare."""

    def __init__(self, run: Run, stream: str, logger: logging.Logger) -> None:
        """Convert rows of a stream; invalid ones go to the run's rejected_rows."""
        self._run = run
        self._stream = stream
        self._logger = logger
        self._lock = threading.Lock()
        self._found: set[tuple[Finding, str]] = set()

    def rows_or_reject(
        self,
        raw: dict[str, Any],
        place: Callable[[dict[str, Any]], T],
        *ids: str,
        stream: str | None = None,
        **partition: Any,  # noqa: ANN401 - filters of any type
    ) -> T | None:
        """Return what `place` makes of a row; reject an invalid row and return None.

        Args:
            raw: The row as eMAG sent it.
            place: Turns it into rows of tables.
            ids: The keys of which one must contain its id; none if it needs no id.
            stream: The table it is meant for, by default this stream's.
            partition: The filters of the request that returned it.

        Raises:
            ContractError: It is invalid, and rejected_rows is not selected.
        """
        reason, error = why_invalid(raw, ids), None
        if reason is None:
            try:
                return place(raw)
            except EmagError:
                raise
            except Exception as caught:  # noqa: BLE001 - one row must not stop the others
                reason, error = f"the tap failed at it: {type(caught).__name__}", caught
        self.reject(raw, reason, error, stream=stream, **partition)
        return None

    def reject(
        self,
        raw: dict[str, Any],
        reason: str,
        error: Exception | None = None,
        *,
        stream: str | None = None,
        **partition: Any,  # noqa: ANN401
    ) -> None:
        """Keep a row in rejected_rows: see `rows_or_reject`."""
        self._run.rejected_rows.keep(stream or self._stream, raw, reason, partition, error)
        self._run.recorder.count_rows(self._stream, "failed", 1)

    def log_unknown_field(self, table: str, finding: Finding, key: str) -> None:
        """Log once a run a key that no column declares, or a value of another type."""
        name = quote_key(key)
        with self._lock:  # two requests may return it at the same time
            if (finding, f"{table}.{name}") in self._found:
                return
            self._found.add((finding, f"{table}.{name}"))
        self._run.recorder.found(table, name)
        what = "is not known yet" if finding == "unknown" else "has a value of another type"
        self._logger.warning("%s: %s %s; it is kept in the column extra", table, name, what)
