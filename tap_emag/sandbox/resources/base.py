"""What a resource of the API is, and how paged ones answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from tap_emag.sandbox.dice import mix
from tap_emag.sandbox.filters import paging

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_emag.sandbox.config import SandboxConfig
    from tap_emag.sandbox.wire import Encoder, RowCache
    from tap_emag.sandbox.world import World

DRIFT: Final = 3


@dataclass
class Call:
    """One request that passed the gateway: its filters and all it may look at."""

    params: dict[str, Any]
    world: World
    config: SandboxConfig
    encoder: Encoder
    cache: RowCache
    turn: int


class Answer(NamedTuple):
    """The JSON of `results`, and how many rows it holds; an empty 500 when `broken`."""

    results: bytes
    rows: int = 0
    broken: bool = False


Action = Callable[[Call], Answer]


class Resource(Protocol):
    """A resource: the name in its path, the budget it eats, what can be done with it."""

    @property
    def name(self) -> str:
        """The first part of the path, such as `order`."""

    @property
    def bucket(self) -> str:
        """The budget: `orders` or `other`."""

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done, by the second part of the path, such as `read`."""


def page_of(call: Call, numbers: Sequence[int], encode: Callable[[Call, int], bytes]) -> Answer:
    """The page of rows that a read asks for."""
    page, size = paging(call.params, call.config)
    shown = numbers[(page - 1) * size : page * size]
    rows = [encode(call, number) for number in shown]
    return Answer(b"[" + b",".join(rows) + b"]", len(rows))


def count_of(call: Call, items: int) -> Answer:
    """The answer to a count: exact, or as wrong as the `count_mode` knob says."""
    _, size = paging(call.params, call.config)
    config = call.config
    if config.count_mode == "broken":
        return Answer(b"[]", broken=call.turn % 2 == 0)
    if config.count_mode == "stale":
        items += config.count_offset
    elif config.count_mode == "drifting":
        luck = Random(mix(config.seed, 71, call.turn))
        items += luck.randint(-DRIFT, DRIFT)
    items = max(items, 0)
    found = {
        "noOfItems": str(items),
        "noOfPages": str(-(-items // size)),
        "itemsPerPage": str(size),
    }
    return Answer(json.dumps(found).encode())
