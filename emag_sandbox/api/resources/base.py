"""Defines the resources of the API, and the answers of paged ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from emag_sandbox.api.filters import paging
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.wire.encoder import Style
from emag_sandbox.wire.tree import dressed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.shop.shop import Shop
    from emag_sandbox.wire.encoder import Encoder, RowCache
    from emag_sandbox.wire.tree import Shape

DRIFT: Final = 3
ROW_ENVELOPES: Final = ("list", "object", "wrapped", "bare")


@dataclass
class Call:
    """One request that passed the gateway: its filters and all it may look at."""

    params: dict[str, Any]
    world: Shop
    config: SandboxConfig
    encoder: Encoder
    cache: RowCache
    turn: int
    query: dict[str, str] = field(default_factory=dict)


class Answer(NamedTuple):
    """The JSON of `results`, and how many rows it contains; an empty 500 when `broken`.

    When `bare`, `results` is the complete body, sent with `status`. A `notice` is a message that
    comes with good results.
    """

    results: bytes
    rows: int = 0
    broken: bool = False
    bare: bool = False
    status: int = 200
    notice: str = ""


Action = Callable[[Call], Answer]


class Resource(Protocol):
    """A resource: the name in its path, the budget it eats, what can be done with it."""

    @property
    def name(self) -> str:
        """The first part of the path, such as `order`."""

    @property
    def bucket(self) -> str:
        """The budget: one of `BUDGETS`."""

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done, by the second part of the path, such as `read`."""


class Lookup(Protocol):
    """Something that is asked for by GET.

    A `path` that ends with a slash is followed by an id, which becomes the filter `id`.
    """

    @property
    def name(self) -> str:
        """The resource in the request log."""

    @property
    def action(self) -> str:
        """The action in the request log."""

    @property
    def bucket(self) -> str:
        """The budget: one of `BUDGETS`."""

    @property
    def path(self) -> str:
        """The complete path."""

    def answer(self, call: Call) -> Answer:
        """The answer."""


def page_of(call: Call, numbers: Sequence[int], encode: Callable[[Call, int], bytes]) -> Answer:
    """The page of rows that a read asks for."""
    page, size = paging(call.params, call.config, cap=call.config.page_cap(turn=True))
    return list_of([encode(call, number) for number in numbers[(page - 1) * size : page * size]])


def list_of(rows: list[bytes]) -> Answer:
    """Rows, as a list."""
    return Answer(b"[" + b",".join(rows) + b"]", len(rows))


def in_envelope(call: Call, rows: list[bytes]) -> Answer:
    """Rows in the envelope of the knob `row_envelope`; `mixed` takes each in turn."""
    envelope = call.config.row_envelope
    if envelope == "mixed":
        envelope = ROW_ENVELOPES[call.turn % len(ROW_ENVELOPES)]
    listed = list_of(rows)
    if envelope == "object" and rows:
        numbered = (b'"%d":%b' % (place * 2, row) for place, row in enumerate(rows))
        return listed._replace(
            results=rows[0] if len(rows) == 1 else b"{" + b",".join(numbered) + b"}"
        )
    if envelope == "wrapped":
        return listed._replace(results=b'{"results":' + listed.results + b"}")
    return listed._replace(bare=envelope == "bare")


def rows_of(call: Call, rows: list[dict[str, Any]], form: Shape, salt: int) -> list[bytes]:
    """A short list of rows as eMAG sends them; each list has another `salt`."""
    style, encoder = Style.of(call.config), call.encoder
    return [
        encoder.encode(
            dressed(encoder, row, form, mix(call.config.seed, salt, place), style), style
        )
        for place, row in enumerate(rows)
    ]


def cached(call: Call, key: tuple[object, ...], encode: Callable[[Style], bytes]) -> bytes:
    """A row from the cache, encoded when it is missing; `key` includes its version."""
    style = Style.of(call.config)
    found = call.cache.get((*key, style))
    if found is None:
        found = encode(style)
        call.cache.put((*key, style), found)
    return found


def count_of(call: Call, items: int) -> Answer:
    """The answer to a count: exact, or wrong by the `count_mode` knob."""
    config = call.config
    cap = config.page_cap(turn=False) if config.count_page == "real" else None
    _, size = paging(call.params, config, cap=cap)
    if config.count_mode == "broken":
        # Never two in a row, so that no client that takes turns with another gets all of them.
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
