"""What must hold after a run: the machine's invariants. Each says what is wrong, if anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.e2e.acceptance import comparison, other_truth
from tests.e2e.acceptance.other_truth import OtherTruth, ShopTruth
from tests.e2e.acceptance.truth import OF_ORDERS, Truth
from tests.stateful.wall import claimable, wall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet
    from datetime import date

    from emag_sandbox.shop.orders import Key
    from tests.stateful.shop import Shop
    from tests.stateful.target import Delivery, Row, Target

ACCOUNT = ("emag_ro", "main")
LISTS = (
    *("categories", "category_characteristics", "category_family_types", "vat_rates"),
    *("handling_times", "localities", "courier_accounts", "addresses", "invoice_categories"),
)
RETURN_CHILDREN = ("return_lines", "return_events")
INVOICES = {"invoices": "invoice_lines", "customer_invoices": "customer_invoice_lines"}
OPEN = (1, 2, 3, 6)
SHOWN = 6


@dataclass(frozen=True)
class Chain:
    """What a state stands for: since when each part is read, and what it knows to be delivered."""

    floors: dict[str, datetime] = field(default_factory=dict)
    offers: frozenset[int] = frozenset()
    returns: frozenset[int] = frozenset()

    def floor(self, part: str, otherwise: datetime) -> datetime:
        """Return the first moment a part is read from."""
        return self.floors.get(part, otherwise)

    def after(self, first: datetime, delivery: Delivery) -> Chain:
        """Return what the state kept of a run stands for."""
        assert delivery.state is not None
        before = delivery.before_state
        parts = dict(bookmarks(delivery.state, "orders", "returns", *INVOICES))
        told = {key[2] for key in before["product_deletions"]}
        return Chain(
            {part: self.floor(part, first) for part in parts},
            (self.offers | {key[2] for key in before["products"]}) - told,
            self.returns | {key[2] for key in before["returns"]},
        )


def bookmarks(state: Row | None, *streams: str) -> Iterator[tuple[str, datetime]]:
    """Yield the parts of a state that have been read up to a moment, and that moment."""
    for stream in streams or ("orders", "returns"):
        for part in (state or {}).get("bookmarks", {}).get(stream, {}).get("partitions", []):
            value = part.get("replication_key_value")
            if value:
                yield f"{stream}{part['context'].get('type', '')}", datetime.fromisoformat(value)


def late_or_lost(shop: Shop, target: Target, state: Row | None, chain: Chain) -> list[str]:
    """Say which orders a bookmark has passed that are not there as they are now."""
    found = []
    for part, reached in bookmarks(state):
        if part.startswith("orders"):
            floor = chain.floor(part, shop.opened)
            for key, modified in _orders(shop, [int(part[-1])]):
                if floor < modified <= reached and key not in shop.late:
                    found += _order(target, key, modified, f"the bookmark is at {reached}")
    return found[:SHOWN]


@dataclass(frozen=True)
class Begun:
    """How things stood when a run began."""

    now: datetime
    era: int
    types: list[int]
    chain: Chain
    first: datetime
    invoices: frozenset[str]  # the numbers of eMAG's


def left_out(shop: Shop, target: Target, begun: Begun, apart: Iterable[str] = ()) -> list[str]:
    """Say what a run that ended by itself has not brought, of what has not moved meanwhile.

    Streams that are `apart` failed: only the others have to be complete.
    """
    found = []
    if "orders" not in apart:
        found += _orders_left_out(shop, target, begun)
    if "products" not in apart:
        still = [offer for offer in shop.world.offers() if offer["id"] not in shop.moved]
        found += _offers(target, Truth().add([], still))
        gone = begun.chain.offers - shop.moved - set(shop.world.offer_ids())
        found += _not_told(target, gone)
    by = wall(min(begun.now, shop.lowest)).date()
    for stream in INVOICES:
        if stream not in apart:
            found += _invoices(shop, target, begun, stream, by)
    return found[:SHOWN]


def _orders_left_out(shop: Shop, target: Target, begun: Begun) -> list[str]:
    found = []
    reached = claimable(min(begun.now, shop.lowest))
    for key, modified in _orders(shop, begun.types):
        floor = begun.chain.floor(f"orders{key[0]}", begun.first)
        stored = shop.late[key].era if key in shop.late else -1
        if floor < modified and wall(modified) < reached and stored < begun.era:
            found += _order(target, key, modified, "the run did not say so")
    return found


def _invoices(
    shop: Shop, target: Target, begun: Begun, stream: str, by: date | None = None
) -> list[str]:
    """Compare the invoices from the first date that is read on, up to a date if there is one."""
    first = wall(begun.chain.floor(stream, begun.first)).date()
    there = begun.invoices if by else shop.invoices()
    others = ShopTruth.of(shop.world)
    others.invoices = [row for row in others.invoices if row["number"] in there]
    truth, found = OtherTruth.of(others), []
    rows_of_invoices = truth.tables[stream]
    numbers = {
        key[2]
        for key, row in rows_of_invoices.items()
        if first <= row["date"] and (by is None or row["date"] <= by)
    }
    for table in (stream, INVOICES[stream]):
        wanted = {key: row for key, row in truth.tables[table].items() if key[2] in numbers}
        rows = {key: row for key, row in target.tables[table].items() if key[2] in numbers}
        found += _other(table, wanted, rows)
    return found


def differences(shop: Shop, target: Target, begun: Begun, chain: Chain) -> list[str]:
    """Say where the tables differ from the truth, after a run in which nothing happened."""
    truth = Truth.of(shop.world)
    found = _orders_and_children(target, truth, begun)
    found += _offers(target, truth)
    there = set(shop.world.offer_ids())
    gone = {key[2] for key in target.tables["products"]} - there
    found += _not_told(target, gone & begun.chain.offers)
    found += [f"offer {id_} is told as gone" for id_ in _told(target) & there]
    found += _history(target, truth)
    found += _returns(shop, target, begun, chain)
    for stream in INVOICES:
        found += _invoices(shop, target, begun, stream)
    return found[:SHOWN]


def _orders(shop: Shop, types: Iterable[int]) -> Iterator[tuple[Key, datetime]]:
    for key in shop.world.order_keys():
        if key[0] in types:
            yield key, datetime.fromtimestamp(shop.modified(key), shop.opened.tzinfo)


def _order(target: Target, key: Key, modified: datetime, why: str) -> list[str]:
    row = target.tables["orders"].get((*ACCOUNT, *key))
    if row is None:
        return [f"order {key} of {modified} is not there, yet {why}"]
    if wall(row["modified"]) != wall(modified):
        return [f"order {key} is there as of {row['modified']}, not {modified}, yet {why}"]
    return []


def _orders_and_children(target: Target, truth: Truth, begun: Begun) -> list[str]:
    floors = {kind: begun.chain.floor(f"orders{kind}", begun.first) for kind in begun.types}
    wanted = {
        key: row
        for key, row in truth.tables["orders"].items()
        if key[2] in floors and row["modified"] > floors[key[2]]
    }
    orders = {key: row for key, row in target.tables["orders"].items() if key in wanted}
    found = comparison._table_differences("orders", wanted, orders)
    extra = target.tables["orders"].keys() - truth.tables["orders"].keys() - _retyped(target)
    found += [f"order {key} is there and should not be" for key in extra]
    for table in OF_ORDERS:
        rows = {
            key: row
            for key, row in target.tables[table].items()
            if key[:4] in orders and row["order_modified"] == orders[key[:4]]["modified"]
        }
        right = {key: row for key, row in truth.tables[table].items() if key[:4] in wanted}
        found += comparison._table_differences(table, right, rows)
    return found


def _retyped(target: Target) -> set[Any]:
    """Return the orders that stand there with another type as well, changed later."""
    orders = target.tables["orders"]
    found = set()
    for key, row in orders.items():
        twin = orders.get((*key[:2], 5 - key[2], key[3]))
        if twin and twin["modified"] > row["modified"]:
            found.add(key)
    return found


def _offers(target: Target, truth: Truth) -> list[str]:
    wanted = truth.tables["products"]
    rows = {key: row for key, row in target.tables["products"].items() if key in wanted}
    return comparison._table_differences("products", wanted, rows)


def _told(target: Target) -> set[int]:
    """Return the offers that the view of current offers leaves out."""
    offers = target.tables["products"]
    return {
        key[2]
        for key, row in target.tables["product_deletions"].items()
        if key[:3] not in offers or row["changed_at"] > offers[key[:3]]["changed_at"]
    }


def _not_told(target: Target, gone: AbstractSet[int]) -> list[str]:
    """Say which offers are gone and not told."""
    return [f"offer {id_} is gone, and that is not told" for id_ in gone - _told(target)]


def _history(target: Target, truth: Truth) -> list[str]:
    """Compare the latest version of each offer with the offer."""
    latest: dict[Any, Row] = {}
    for key, row in target.tables["product_history"].items():
        offer = target.tables["products"].get(key[:3], {})
        if row["changed_at"] == offer.get("changed_at"):
            latest[key[:3]] = row
    found = []
    for key, offer in truth.tables["products"].items():
        row = latest.get(key, {})
        if row.get("sale_price") != offer["sale_price"] or row.get("status") != offer["status"]:
            found.append(f"offer {key[2]} has no version in the history as it is now")
    return found


def _returns(shop: Shop, target: Target, begun: Begun, chain: Chain) -> list[str]:
    floor = chain.floor("returns", begun.first)
    thought_open = {
        key[2]
        for key, row in target.tables["returns"].items()
        if row["request_status"] in OPEN and key[2] in chain.returns
    }
    returns = [
        row
        for row in shop.world.returns()
        if row["date"] > floor or row["request_status"] in OPEN or row["emag_id"] in thought_open
    ]
    shown = {row["emag_id"] for row in returns}
    others = ShopTruth.of(shop.world)
    others.returns = returns
    truth = OtherTruth.of(others)
    fingerprints = {key: row["fingerprint"] for key, row in target.tables["returns"].items()}
    found = []
    for table in ("returns", *RETURN_CHILDREN, "awbs", "awb_parcels", *LISTS):
        rows = dict(target.tables[table])
        wanted = truth.tables[table]
        if table in ("returns", *RETURN_CHILDREN):
            rows = {
                key: row
                for key, row in rows.items()
                if key[2] in shown and row["fingerprint"] == fingerprints.get(key[:3])
            }
        elif table in ("awbs", "awb_parcels"):
            rows = {key: row for key, row in rows.items() if key in wanted}
        found += _other(table, wanted, rows)
    return found


def _other(table: str, wanted: dict[Any, Row], rows: dict[Any, Row]) -> list[str]:
    settled = {}
    for key, row in rows.items():
        settled[key] = {name: row[name] for name in row if name not in other_truth.APART}
        if key in wanted:
            other_truth._settle(settled[key], wanted[key])
    return comparison._table_differences(table, wanted, settled)
