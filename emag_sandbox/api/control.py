"""Routes under `/_sandbox`: set knobs, make changes and read the exact rows from outside."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web

from emag_sandbox.shop.expected import spelled
from emag_sandbox.shop.expected_tables import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from emag_sandbox.api.log import RequestLog
    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.shop.activity import Activity
    from emag_sandbox.shop.shop import Shop

CHUNK: Final = 200


class Control:
    """Controls the sandbox over HTTP; without credentials, as it listens on loopback only."""

    def __init__(self, world: Shop, config: SandboxConfig, life: Activity, log: RequestLog) -> None:
        """Control a running sandbox."""
        self._world, self._config, self._life, self._log = world, config, life, log

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [
            web.get("/_sandbox/health", self._health),
            web.get("/_sandbox/config", self._show),
            web.post("/_sandbox/config", self._merge),
            web.get("/_sandbox/stats", self._stats),
            web.delete("/_sandbox/stats", self._forget),
            web.post("/_sandbox/change", self._change),
            web.get("/_sandbox/clock", self._clock),
            web.post("/_sandbox/clock", self._set_clock),
            web.get("/_sandbox/truth/orders", self._orders),
            web.get("/_sandbox/truth/offers", self._offers),
            web.get("/_sandbox/truth/{name}", self._others),
        ]

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True, **self._time()})

    async def _show(self, _: web.Request) -> web.Response:
        return web.json_response(self._config.as_json())

    async def _merge(self, request: web.Request) -> web.Response:
        given = await _object(request)
        self._life.catch_up()
        with _refusing():
            self._config.merge(given)
        self._life.catch_up()
        return web.json_response(self._config.as_json())

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response(self._log.stats())

    async def _forget(self, _: web.Request) -> web.Response:
        self._log.clear()
        return web.json_response(self._log.stats())

    async def _change(self, request: web.Request) -> web.Response:
        given = await _object(request)
        world = self._world
        makers: dict[str, Callable[[int], list[Any]]] = {
            "orders": world.touch_orders,
            "retyped_orders": world.retype_orders,
            "offers": world.touch_offers,
            "new_orders": world.add_orders,
            "new_offers": world.add_offers,
            "withdraw_offers": world.withdraw_offers,
            "returns": world.touch_returns,
            "new_returns": world.open_returns,
            "close_returns": lambda count: world.close_returns(world.open_return_ids()[:count]),
            "localities": world.touch_localities,
        }
        with _refusing():
            if not all(
                name in makers and type(count) is int and count >= 0
                for name, count in given.items()
            ):
                message = f"a change maps any of {', '.join(makers)} to a number"
                raise ValueError(message)
        with world.lock:
            self._life.catch_up()
            done = {name: makers[name](count) for name, count in given.items()}
        return web.json_response(
            {
                name: [{"type": key[0], "id": key[1]} for key in keys] if "orders" in name else keys
                for name, keys in done.items()
            }
        )

    async def _clock(self, _: web.Request) -> web.Response:
        return web.json_response(self._time())

    async def _set_clock(self, request: web.Request) -> web.Response:
        given = await _object(request)
        clock = self._world.clock
        with _refusing():
            if not given or not given.keys() <= {"set", "advance", "speed"}:
                message = 'the clock takes "set" (ISO time), "advance" (seconds) and "speed"'
                raise ValueError(message)
            if "set" in given:
                moment = datetime.fromisoformat(str(given["set"]))
                clock.set(moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc))
            if "advance" in given:
                clock.advance(float(given["advance"]))
            if "speed" in given:
                clock.run_at(float(given["speed"]))
        self._life.catch_up()
        return web.json_response(self._time())

    async def _orders(self, request: web.Request) -> web.StreamResponse:
        book, kind = self._world.order_book, request.query.get("type")
        numbers = [
            number
            for number in range(len(book.index))
            if kind in (None, str(book.index.types[number]))
        ]
        return await self._truth(request, numbers, book.row)

    async def _offers(self, request: web.Request) -> web.StreamResponse:
        book = self._world.offer_book
        with self._world.lock:
            numbers = list(book.numbers())
        return await self._truth(request, numbers, book.row)

    async def _others(self, request: web.Request) -> web.StreamResponse:
        table = tables(self._world).get(request.match_info["name"])
        if table is None:
            raise web.HTTPNotFound
        with self._world.lock:
            numbers = list(table.numbers())
        return await self._truth(request, numbers, table.row)

    async def _truth(
        self, request: web.Request, numbers: list[int], row: Callable[[int], dict[str, Any]]
    ) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await reply.prepare(request)
        for start in range(0, len(numbers), CHUNK):
            with self._world.lock:
                rows = [row(number) for number in numbers[start : start + CHUNK]]
            lines = [msgspec.json.encode(spelled(each, self._world.local)) for each in rows]
            await reply.write(b"\n".join(lines) + b"\n")
        return reply

    def _time(self) -> dict[str, str]:
        moment = self._world.clock.moment()
        local = self._world.local.text(int(moment.timestamp()))
        return {"now": moment.isoformat(), "local": local}


class _refusing:  # noqa: N801 - reads as a phrase after `with`
    """Turns a ValueError into a 400 with its message."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Answer 400 for a bad value."""
        if isinstance(error, (ValueError, TypeError)):
            raise _bad(str(error)) from error


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        given = await request.json()
    except ValueError as error:
        raise _bad("a JSON object is wanted") from error
    if not isinstance(given, dict):
        raise _bad("a JSON object is wanted")
    return given


def _bad(message: str) -> web.HTTPBadRequest:
    text = json.dumps({"message": message}, ensure_ascii=False)
    return web.HTTPBadRequest(text=text, content_type="application/json")
