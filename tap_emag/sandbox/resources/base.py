"""What a resource of the API is, and how paged ones answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from tap_emag.sandbox.dice import mix
from tap_emag.sandbox.filters import paging
from tap_emag.sandbox.wire import Style
from tap_emag.sandbox.wire_tree import dressed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_emag.sandbox.config import SandboxConfig
    from tap_emag.sandbox.wire import Encoder, RowCache
    from tap_emag.sandbox.wire_tree import Shape
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
    query: dict[str, str] = field(default_factory=dict)


class Answer(NamedTuple):
    """The JSON of `results`, and how many rows it holds; an empty 500 when `broken`.

    When `bare`, `results` is the whole body, sent with `status`.
    """

    results: bytes
    rows: int = 0
    broken: bool = False
    bare: bool = False
    status: int = 200


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


class Lookup(Protocol):
    """Something that is asked for by GET.

    A `path` that ends with a slash is followed by an id, which becomes the filter `id`.
    """

    @property
    def name(self) -> str:
        """The resource that the log tells."""

    @property
    def action(self) -> str:
        """The action that the log tells."""

    @property
    def bucket(self) -> str:
        """The budget: `orders` or `other`."""

    @property
    def path(self) -> str:
        """The whole path."""

    def answer(self, call: Call) -> Answer:
        """The answer."""


def page_of(call: Call, numbers: Sequence[int], encode: Callable[[Call, int], bytes]) -> Answer:
    """The page of rows that a read asks for."""
    page, size = paging(call.params, call.config)
    return list_of([encode(call, number) for number in numbers[(page - 1) * size : page * size]])


def list_of(rows: list[bytes]) -> Answer:
    """Rows, as a list."""
    return Answer(b"[" + b",".join(rows) + b"]", len(rows))


def rows_of(call: Call, rows: list[dict[str, Any]], form: Shape, salt: int) -> list[bytes]:
    """A short list of rows as the wire has them; `salt` tells one list from another."""
    style, encoder = Style.of(call.config), call.encoder
    return [
        encoder.encode(
            dressed(encoder, row, form, mix(call.config.seed, salt, place), style), style
        )
        for place, row in enumerate(rows)
    ]


def cached(call: Call, key: tuple[object, ...], encode: Callable[[Style], bytes]) -> bytes:
    """A row from the cache, encoded when it is not there; `key` tells its version too."""
    style = Style.of(call.config)
    found = call.cache.get((*key, style))
    if found is None:
        found = encode(style)
        call.cache.put((*key, style), found)
    return found


def count_of(call: Call, items: int) -> Answer:
    """The answer to a count: exact, or as wrong as the `count_mode` knob says."""
    _, size = paging(call.params, call.config)
    config = call.config
    if config.count_mode == "broken":
        # Never two in a row, and no two clients that take turns meet all of them.
        return Answer(b"[]", broken=call.turn % 7 in (0, 3))
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
