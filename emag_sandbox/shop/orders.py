"""All orders: which there are, how they change, and each in full."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.marketplaces import MARKETPLACES
from emag_sandbox.shop.localtime import DAY
from emag_sandbox.shop.order_calendar import first_orders, order_id
from emag_sandbox.shop.order_changes import change
from emag_sandbox.shop.order_index import OrderIndex
from emag_sandbox.shop.order_money import settle
from emag_sandbox.shop.order_rows import Facts, OrderContext, order
from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.shop.catalogue import Catalogue
    from emag_sandbox.shop.localtime import LocalTime

Key = tuple[int, int]
FEWEST_ARTICLES: Final = 50
BY_EMAG, BY_SELLER = 2, 3


class OrderBook:
    """All orders. Bodies are made when asked for, from the seed and what happened since.

    Times are instants in seconds. Not thread-safe: the world's lock guards it.
    """

    def __init__(
        self, config: SandboxConfig, catalogue: Catalogue, local: LocalTime, now: int
    ) -> None:
        """Start with `config.orders` orders of the `config.history_days` before `now`."""
        self._seed = config.seed
        self.market = MARKETPLACES[config.marketplace]
        self._type2_share = config.type2_share
        self._rng = Random()
        self.index = OrderIndex(local)
        # Only orders that something happened to: status and time at first, times since.
        self._history: dict[int, list[int]] = {}
        self._first_types: dict[int, int] = {}  # of those that have changed it
        self._overrides: dict[int, dict[str, Any]] = {}
        self._shop = OrderContext(
            config.seed,
            catalogue,
            max(config.offers, FEWEST_ARTICLES),
            max(config.orders * 3 // 5, FEWEST_ARTICLES),
            config.orders // 2 if config.extreme_amount else -1,
            config.line_edits == "always",
            self.market,
        )
        self._rng.seed(mix(config.seed, 41))
        start = now - int(config.history_days * DAY)
        self.index.fill(
            first_orders(
                self._rng, local, config.seed, config.orders, config.type2_share, start, now
            )
        )

    def version(self, number: int) -> int:
        """How often an order changed since the sandbox started."""
        return max(0, len(self._history.get(number, ())) - 2)

    def key(self, number: int) -> Key:
        """The type and id of an order."""
        return self.index.types[number], self.index.ids[number]

    def number(self, key: Key | int) -> int:
        """The number of an order, by (type, id) or by id (the seller's own first).

        Raises:
            KeyError: when there is no such order.
        """
        kind, id_ = key if isinstance(key, tuple) else (None, key)
        found = self.index.with_id(id_)
        for number in reversed(found):
            if kind in (None, self.index.types[number]):
                return number
        raise KeyError(key)

    def row(self, number: int) -> dict[str, Any]:
        """An order in full, as it is now."""
        return _shown(self._replay(number))

    def first(self, number: int) -> dict[str, Any]:
        """An order in full, as it was before anything happened to it."""
        return _shown(self._made(number, self._first_types.get(number))[1])

    def first_status(self, number: int) -> int:
        """The status of an order before anything happened to it."""
        past = self._history.get(number)
        return past[0] if past else self.index.statuses[number]

    def first_modified(self, number: int) -> int:
        """When an order was last changed before anything happened to it."""
        past = self._history.get(number)
        return past[1] if past else self.index.modified[number]

    def touch(self, numbers: Iterable[int], instant: int) -> list[Key]:
        """Let something happen to some orders at an instant; their keys."""
        keys = []
        for number in numbers:
            index = self.index
            begun = [index.statuses[number], index.modified[number]]
            self._history.setdefault(number, begun).append(instant)
            index.move(number, self._replay(number)["status"], instant)
            keys.append(self.key(number))
        return keys

    def retype(self, numbers: Iterable[int], instant: int) -> list[Key]:
        """Let some orders be sent by eMAG instead of the seller, or the reverse; their new keys.

        An order whose id an order of the other type has stays as it is.
        """
        chosen = [one for one in numbers if len(self.index.with_id(self.index.ids[one])) == 1]
        for number in chosen:
            self._first_types.setdefault(number, self.index.types[number])
            self.index.retype(number)
        return self.touch(chosen, instant)

    def choose(self, count: int, luck: int) -> list[int]:
        """Numbers of up to `count` different orders, drawn by `luck`."""
        self._rng.seed(luck)
        return self._rng.sample(range(len(self.index)), min(count, len(self.index)))

    def add(self, instant: int, modified: int | None = None, **overrides: Any) -> Key:  # noqa: ANN401 - any field
        """Place an order at an instant; `overrides` replaces fields of it.

        Raises:
            ValueError: when there is an order of that type and id already.
        """
        number = len(self.index)
        luck = mix(self._seed, 42, number)
        kind = BY_EMAG if luck % 1000 < self._type2_share * 1000 else BY_SELLER
        key = (overrides.get("type", kind), overrides.get("id", order_id(self._seed, number)))
        if "id" in overrides and self._has(key):
            message = f"there is an order {key} already"
            raise ValueError(message)
        added = self.index.add(
            key[1],
            key[0],
            overrides.get("status", 1),
            instant,
            instant if modified is None else modified,
        )
        if overrides:
            self._overrides[added] = dict(overrides)
        return self.key(added)

    def keys(self) -> Iterator[Key]:
        """Type and id of every order, oldest number first."""
        for number in range(len(self.index)):
            yield self.key(number)

    def _has(self, key: Key) -> bool:
        return any(self.key(number) == key for number in self.index.with_id(key[1]))

    def _replay(self, number: int) -> dict[str, Any]:
        facts, row = self._made(number)
        for turn, instant in enumerate(self._history.get(number, ())[2:]):
            self._rng.seed(mix(self._seed, 44, number, turn))
            change(self._shop, facts, row, self._rng, instant)
        own = self._overrides.get(number, {})
        if self.version(number) and "products" not in own:
            settle(row, own)
        return row

    def _made(self, number: int, kind: int | None = None) -> tuple[Facts, dict[str, Any]]:
        index, past = self.index, self._history.get(number)
        status, modified = past[:2] if past else (index.statuses[number], index.modified[number])
        facts = Facts(
            number,
            index.ids[number],
            index.types[number] if kind is None else kind,
            status,
            index.dates[number],
            modified,
        )
        self._rng.seed(mix(self._seed, 43, number))
        row = order(self._shop, facts, self._rng)
        if number in self._overrides:
            row |= _own(self._overrides[number])
        row["_next_position"] = len(row["products"])
        row["_cancelled"] = modified
        return facts, row


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what only its changes need."""
    del row["_next_position"], row["_cancelled"]
    return row


def _own(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """A copy that later changes may alter."""
    if isinstance(value, dict):
        return {name: _own(each) for name, each in value.items()}
    return [_own(each) for each in value] if isinstance(value, list) else value
