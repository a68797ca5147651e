"""Reads the parts of categories that the list does not carry: one request a category.

eMAG documents characteristics and family types for a read of one category, while its lists were
seen to carry them. An empty table must not be the answer to that. So the tap asks for a part that a
category lacks, or that no category of the list has, by the category's id:

* when the category is new or has changed;
* again after the time to live, the one read longest ago first.

The bookmark keeps when each was read, so that the next run goes on where one has ended.
"""

from __future__ import annotations

import logging
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_emag.errors import SkippedItemsError
from tap_emag.schema.cleaning import items_of
from tap_emag.state.askings import Askings, Outcome
from tap_emag.streams.changed_lists import ChangedItems
from tap_emag.streams.single_items import SingleItems

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_emag.state.delivered import DeliveredRows
    from tap_emag.streams.changed_lists import Item, ListStream

SHARE = 0.5  # of the time the run has left: the later streams need some as well
SAVE_EVERY = 100  # categories
EMPTY_FACTOR = 24  # a category without any of the parts is read after this many times as long
NAME = "category details"
logger = logging.getLogger("tap-emag")


class CategoryDetails:
    """What one reading of the list does not carry."""

    def __init__(
        self,
        parent: ListStream,
        make: Callable[[dict[str, Any]], Item | None],
        delivered: DeliveredRows,
        bookmark: dict[str, Any],
        parts: Mapping[str, str],
    ) -> None:
        """Start from the bookmark.

        Args:
            parent: The stream of categories.
            make: Turns a category that was read alone into its rows.
            delivered: The fingerprints of categories that were read alone.
            bookmark: The stream's.
            parts: The tables that are written, by key of the list in a category.
        """
        self._parent = parent
        self._make = make
        self._run = parent.run
        self._delivered = delivered
        self._packed = bookmark.get("asked")
        self._parts = parts
        self._changed = ChangedItems(delivered, lambda _: None)
        self._versions: dict[int, int] = {}
        self._lacking: dict[str, set[int]] = {key: set() for key in parts}
        self._carried: set[str] = set()
        self._left: set[int] = set()
        self._failed: SingleItems[int, dict[str, Any]] | None = None
        self._number = 0

    @cached_property
    def _askings(self) -> Askings:
        # Not before the first reply: until then eMAG's time is not known.
        return Askings(self._packed, self._run.client.clock.now())

    def listed(self, category: int, version: bytes, raw: Mapping[str, Any]) -> None:
        """Note which parts the list carries of a category, and the version of what it carries."""
        self._versions[category] = int.from_bytes(version[:2], "big")
        for key, lacking in self._lacking.items():
            if raw.get(key) is None:
                lacking.add(category)
            elif _items(raw[key]):
                self._carried.add(key)

    @cached_property
    def _needed(self) -> set[int]:
        """The categories of which a part has to be asked for; known when the list is read."""
        if self._parts.keys() - self._carried:
            return set(self._versions)  # no category of the list has it, so the list lacks it
        return set().union(*self._lacking.values())

    def write(self, ask: Callable[[int, bool], dict[str, Any]]) -> None:
        """Ask for the categories that are due, and write those that changed.

        Raises:
            EmagError: The API is down or refuses every category, or the run is to end.
        """
        needed, again = self._needed, self._parent.time_to_live().total_seconds()
        doubtful = self._delivered.doubtful()  # a run that was killed has sent another version
        due = [
            key
            for key in self._askings.in_order(needed)
            if key in doubtful
            or self._askings.due(key, self._versions[key], again, EMPTY_FACTOR * again)
        ]
        self._left, self._number = set(due), len(due)
        if not due:
            self.end()
            return
        lacking = sorted(
            key for key in self._parts if self._lacking[key] or key not in self._carried
        )
        logger.info("category/read: the list lacks %s", " and ".join(lacking))
        self._parent.announce(NAME, len(due), "category/read")
        doubted = [key for key in due if self._askings.failed(key)]
        items = self._failed = SingleItems(
            self._parent.requests, self._run.watchdog, self._run.settings, ask, doubted
        )
        until = time.monotonic() + SHARE * self._run.watchdog.left
        try:
            for number, (category, raw) in enumerate(items.replies(due), start=1):
                self.take(category, raw)
                if number % SAVE_EVERY == 0:
                    self._save()
                self._run.update_progress(NAME, f"{number} of {len(due)}", number / len(due), 1)
                if time.monotonic() > until:
                    break
        finally:
            for category in items.failed:
                self._askings.note(category, Outcome.FAILED, self._versions[category])
            self._save()
        self._run.progress.ended(NAME)
        self.end()

    def take(self, category: int, raw: dict[str, Any]) -> None:
        """Write the parts of a category that was read alone, if the list lacks any of them."""
        if category not in self._needed:
            return
        item = self._make(raw) if raw else None
        found = any(_items(raw.get(key)) for key in self._parts)
        outcome = Outcome.READ if found else Outcome.FINAL
        self._askings.note(category, outcome, self._versions[category])
        self._left.discard(category)
        row = self._changed.passes(item) if item else None
        if row is not None:
            for key, table in self._parts.items():
                if key not in self._carried or category in self._lacking[key]:
                    for child in row.children[table]:
                        self._parent.children.write(table, child)

    def end(self) -> None:
        """Forget categories that are gone, so that the bookmark does not grow; save it."""
        needed = self._needed
        if not needed and not self._packed and not len(self._delivered):
            return
        self._askings.keep(needed)
        for key in self._delivered.missing(needed):
            self._delivered.forget(key)
        if not self._left:
            self._delivered.settle()
        self._save()

    def check(self) -> None:
        """Do nothing if every category that was due is read.

        Raises:
            SkippedItemsError: Some are left to the next run.
        """
        if self._failed is None:
            return
        left = self._left - self._failed.failed.keys()
        never = [key for key in left if not self._askings.known(key)]
        if left:
            logger.info("%s: %d of %d are left to the next run", NAME, len(left), self._number)
        if never and not self._failed.failed:
            raise SkippedItemsError(
                f"{NAME}: {len(never)} of {self._number} are still to be read for the first time;"
                " `sync_timeout_seconds` left no time for them, the next run goes on with them"
            )
        self._failed.check(NAME, self._number)

    def _save(self) -> None:
        # With `unread`, the list does not count as fresh, and the next run goes on.
        never = any(not self._askings.known(key) for key in self._left)
        self._parent.move_bookmark(
            self._parent.account_context,
            asked=self._askings.pack(),
            unread=never,
            **self._delivered.bookmark(),
        )


def _items(value: object) -> list[Any]:
    return items_of(value) if isinstance(value, list | dict) and value else []
