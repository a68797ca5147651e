"""Plays the faults of a connection and of the API, on demand and repeatably."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from random import Random
from typing import TYPE_CHECKING, Final

from aiohttp import web

from emag_sandbox.api.resources.base import Answer
from emag_sandbox.shop.seeded_random import mix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emag_sandbox.config import SandboxConfig

HTML: Final = (
    b"<html>\r\n<head><title>Bad gateway</title></head>\r\n"
    b"<body><center><h1>Something went wrong</h1></center></body>\r\n</html>\r\n"
)
NO_ENVELOPE: Final = b'{"results": []}'
NO_ROUTE: Final = b'{"message": "no Route matched with those values"}'
NO_ITEM: Final = b'{"message": "This item does not exist"}'
INVALID: Final = b'{"message": "Invalid content"}'
LIMITED: Final = b'{"message": "API rate limit exceeded"}'
FORBIDDEN: Final = (
    b'{"isError": true, "messages": ["You are not allowed to use this API."], "results": []}'
)
ON_A_REPLY: Final = ("truncated", "drip")
TOO_MANY: Final = 429
GLIMPSE: Final = 0.05
DROPS: Final = 20


class Faults:
    """Decides which request gets which fault, the same way each time for a seed."""

    def __init__(self, config: SandboxConfig) -> None:
        """Decide by the present values of the knobs."""
        self._config = config
        self._turn = 0

    def next(self, resource: str, action: str) -> str | None:
        """Return the fault of the next request, which asks for `resource/action`, or None."""
        config = self._config
        for name in (f"{resource}/{action}", resource):
            if name in config.resource_faults:
                return config.resource_faults[name]
        if config.in_burst:
            return "500"
        if config.fail_next:
            name = config.fail_next.pop(0)
            return None if name == "ok" else name
        if not config.faults:
            return None
        self._turn += 1
        luck = Random(mix(config.seed, 91, self._turn)).random()
        for name, share in config.faults.items():
            luck -= share
            if luck < 0:
                return name
        return None

    def empty(self, resource: str) -> bool:
        """Whether this request of a resource is answered as if there was nothing."""
        left = self._config.empty_next.get(resource, 0)
        if left:
            self._config.empty_next[resource] = left - 1
        return left > 0


def nothing(action: str) -> Answer:
    """Return the answer of an empty resource: no rows, or a count of 0."""
    none = b'{"noOfItems": "0", "noOfPages": "0", "itemsPerPage": "100"}'
    return Answer(none if action == "count" else b"[]")


def plain_fault(name: str, refusal: str) -> tuple[int, bytes, str] | None:
    """Status, body and content type of a fault that is an ordinary reply, else None.

    `refusal` is the API's message where it refuses with one.
    """
    said = {"isError": True, "messages": [refusal], "errors": [], "results": []}
    canned: Mapping[str, tuple[int, bytes, str]] = {
        "html200": (200, HTML, "text/html"),
        "empty200": (200, b"", "application/json"),
        "no_envelope": (200, NO_ENVELOPE, "application/json"),
        "is_error": (200, json.dumps(said).encode(), "application/json"),
        "400": (400, INVALID, "application/json"),
        "404": (404, NO_ROUTE, "application/json"),
        "429": (TOO_MANY, LIMITED, "application/json"),
        "403": (403, FORBIDDEN, "application/json"),
        "html403": (403, HTML, "text/html"),
        "500": (500, b"", "text/html"),
    }
    if name in canned:
        return canned[name]
    return (int(name), HTML, "text/html") if name.isdecimal() else None


async def hang(request: web.Request, closing: asyncio.Event) -> None:
    """Send nothing until the client goes away or the server closes."""
    while request.transport is not None and not request.transport.is_closing():
        try:
            await asyncio.wait_for(closing.wait(), GLIMPSE)
        except TimeoutError:
            continue
        return


def reset(request: web.Request) -> None:
    """Break the connection so that the client sees a reset, not an end."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()


async def truncate(
    request: web.Request, body: bytes, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Announce the complete body, send half of it, close."""
    reply = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
    await reply.prepare(request)
    await reply.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return reply


async def drip(
    request: web.Request, body: bytes, headers: Mapping[str, str], seconds: float
) -> web.StreamResponse:
    """Send the complete body in small pieces, over some seconds."""
    reply = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
    await reply.prepare(request)
    size = -(-len(body) // DROPS)
    begun = time.monotonic()
    for drop in range(DROPS):
        await reply.write(body[drop * size : (drop + 1) * size])
        await asyncio.sleep(max(0.0, begun + seconds * (drop + 1) / DROPS - time.monotonic()))
    return reply
