"""What holds after each run, however it ended: no bookmark is ahead of the rows it stands for."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tap_emag.state.fingerprints import Fingerprints
from tests.e2e.acceptance.comparison import SCHEMA, stored, wall_clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emag_sandbox.postgres.server import Postgres
    from emag_sandbox.shop.shop import Shop
    from tests.crash.shop import MovingShop

Version = tuple[int, datetime]  # of an offer: its id, and when it was seen
TIMES = ("changed_at", "change")


def known_offers(bookmarks: Mapping[str, Any]) -> dict[int, bytes]:
    """Return the fingerprints of all offers that a state says are delivered."""
    for partition in bookmarks.get("products", {}).get("partitions", []):
        if "offers" in partition:
            known = Fingerprints.unpack(partition["offers"])
            assert known is not None, "the state's fingerprints are damaged"
            return dict(known._known)
    return {}


def has_pipeline(bookmarks: Mapping[str, Any]) -> bool:
    """Tell whether a state says whose it is, so that what was sent beyond it is known."""
    partitions = bookmarks.get("products", {}).get("partitions", [])
    return any("pipeline" in partition for partition in partitions)


def read_up_to(bookmarks: Mapping[str, Any]) -> dict[int, datetime]:
    """Return the moment up to which a state says that orders are read, by their type."""
    return {
        partition["context"]["type"]: datetime.fromisoformat(partition["replication_key_value"])
        for partition in bookmarks.get("orders", {}).get("partitions", [])
        if "replication_key_value" in partition
    }


def rows_behind_the_state(
    database: Postgres, world: Shop, bookmarks: Mapping[str, Any]
) -> list[str]:
    """Say which rows a state promises and the tables do not hold; [] when it keeps its word."""
    return [
        *_orders_behind(database, world, read_up_to(bookmarks)),
        *_offers_behind(database, known_offers(bookmarks)),
    ]


def _orders_behind(
    database: Postgres, world: Shop, reached: Mapping[int, datetime]
) -> Iterator[str]:
    if not reached:
        return
    orders = {(row["type"], row["id"]): row for row in stored(database, "orders")}
    lines: Counter[tuple[int, int, datetime]] = Counter(
        (row["order_type"], row["order_id"], row["order_modified"])
        for row in stored(database, "order_lines")
    )
    for order in world.orders():
        key, modified = (order["type"], order["id"]), order["modified"]
        if key[0] not in reached or modified > reached[key[0]]:
            continue
        if key not in orders:
            yield f"order {key} is missing, bookmark {reached[key[0]]}, modified {modified}"
        elif wall_clock(orders[key]["modified"]) != wall_clock(modified):
            yield f"order {key} is an old version, bookmark {reached[key[0]]}, modified {modified}"
        elif lines[(*key, orders[key]["modified"])] != len(order["products"]):
            yield f"order {key} has not all of its lines"


def _offers_behind(database: Postgres, known: Mapping[int, bytes]) -> Iterator[str]:
    if known:
        loaded = {row["id"] for row in stored(database, "products")}
        for offer in known.keys() - loaded:
            yield f"offer {offer} counts as delivered, and is not there"


@dataclass
class History:
    """Follows product_history from run to run, and finds versions that are told twice.

    A version that was seen once more without need is one that is equal to the version before it,
    of an offer that has not changed in between. That may be only where the run that told it first
    had no state: then the next one cannot know that it was told to the same table.
    """

    shop: MovingShop
    told: set[Version] = field(default_factory=set)
    had_state: dict[Version, bool] = field(default_factory=dict)  # the run that told it first
    ever_known: set[int] = field(default_factory=set)

    def follow(
        self, database: Postgres, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Take down what a run has told, which began with one state and left another."""
        self.ever_known |= known_offers(after).keys()
        for version in self._versions(database) - self.told:
            self.told.add(version)
            self.had_state[version] = has_pipeline(before)

    def twice(self, database: Postgres) -> tuple[int, list[str]]:
        """Count the versions that are told twice, and say which of them should not be."""
        number, wrong = 0, []
        versions: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in stored(database, "product_history"):
            versions[row["id"]].append(row)
        for offer, rows in versions.items():
            rows.sort(key=lambda row: row["changed_at"])
            for one, other in pairwise(rows):
                first, last = _aware(one["changed_at"]), _aware(other["changed_at"])
                same = _content(one) == _content(other)
                if not same or self.shop.changed_between(offer, first, last):
                    continue
                number += 1
                if self.had_state[offer, first]:
                    wrong.append(f"offer {offer} is told twice, at {first} and at {last}")
        return number, wrong

    def untold(self, database: Postgres) -> list[str]:
        """Say which offers are gone and were delivered for certain, but are not told as gone."""
        told = {row["id"] for row in stored(database, "product_deletions")}
        there = self.shop.withdrawn
        wrong = [f"offer {offer} is told as gone, and is there" for offer in told - there]
        missing = (self.ever_known & there) - told
        return wrong + [f"offer {offer} is gone, and was not told" for offer in missing]

    @staticmethod
    def _versions(database: Postgres) -> set[Version]:
        with database.connect() as connection:
            there = connection.execute("SELECT to_regclass(%s)", [f"{SCHEMA}.product_history"])
            if there.fetchone() == (None,):
                return set()
        return {
            (row["id"], _aware(row["changed_at"])) for row in stored(database, "product_history")
        }


def _content(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in row.items()
        if name not in TIMES and not name.startswith("_sdc_")
    }


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
