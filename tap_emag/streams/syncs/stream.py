"""Writes what a run did with each stream, as its last rows.

They have the outcome of the tap. Where the loader fails, it may have stored them before that:
`emag-ops report-runs` then marks them as failed, when Meltano has recorded it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_emag.singer_io import override
from tap_emag.streams.base import EmagStream
from tap_emag.streams.syncs.table import SYNCS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.helpers.types import Context, Record


class Syncs(EmagStream):
    """A stream of a run: when it was read, how far, and with which outcome."""

    table = SYNCS

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        """Have no bookmark: each run has rows of its own."""
        return None

    @override
    def get_records(self, context: Context | None) -> Iterable[Record]:
        """Yield nothing: the tap writes the rows at the end of the run."""
        return ()

    def write(self, rows: Iterable[Record]) -> None:
        """Write the rows of a run that ends.

        Raises:
            EmagError: The target takes no more messages.
        """
        if not self.selected:
            return
        counter = self.begin_output()
        for row in rows:
            self.write_row(row)
            counter.increment()
        counter.exit()
