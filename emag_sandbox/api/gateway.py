"""Handles a request: route, budget, fault, credentials, answer."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64decode
from email.utils import formatdate
from random import Random
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from emag_sandbox.api import faults
from emag_sandbox.api.bodies import parse_body
from emag_sandbox.api.budgets import BUDGETS, Budget
from emag_sandbox.api.dates import Dates
from emag_sandbox.api.filters import Refused, heeded
from emag_sandbox.api.given import answer as given_answer
from emag_sandbox.api.log import Request
from emag_sandbox.api.resources import lookups, resources
from emag_sandbox.api.resources.base import Call
from emag_sandbox.wire.encoder import Encoder, RowCache

if TYPE_CHECKING:
    from emag_sandbox.api.log import RequestLog
    from emag_sandbox.api.resources.base import Action
    from emag_sandbox.config import SandboxConfig
    from emag_sandbox.shop.activity import Activity
    from emag_sandbox.shop.shop import Shop

BASE: Final = "/api-3"
JSON: Final = "application/json"
ITEM_KEYS: Final = {"id", "order_id", "emag_id", "reservation_id", "productId"}
OK: Final = 200
# Production sends these two with every reply, with the same zero whether it refuses or not.
LIMIT_HEADERS: Final = {"X-RateLimit-Limit-3second": "1", "X-RateLimit-Remaining-3second": "0"}


class Reply(Exception):  # noqa: N818 - a quick way out, not an error
    """A reply that needs no further steps."""

    def __init__(
        self, status: int, body: bytes, content_type: str = JSON, *, good: bool = False
    ) -> None:
        """Answer with a status and a body; it is an error page unless it is `good`."""
        super().__init__(status)
        self.status = status
        self.body = body
        self.content_type = content_type
        self.good = good


class Api:
    """Answers requests from a shop, by the present values of the knobs."""

    def __init__(self, world: Shop, config: SandboxConfig, life: Activity, log: RequestLog) -> None:
        """Answer out of `world`; note every request in `log`."""
        self._world, self._config, self._life, self._log = world, config, life, log
        self._budgets = {bucket: Budget(bucket) for bucket in BUDGETS}
        self._faults = faults.Faults(config)
        self._dates = Dates(world, config)
        self._encoder = Encoder(world.local)
        self._cache = RowCache(config.cache_bytes)
        self._routes = {
            f"{BASE}/{each.name}/{name}": (action, each.name, name, each.bucket)
            for each in resources()
            for name, action in each.actions.items()
        }
        self._lookups = {
            each.path: (each.answer, each.name, each.action, each.bucket) for each in lookups()
        }
        self._jitter = Random(config.seed)
        self._turn = 0
        self.closing = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        body = await request.read()
        await self._wait(self._jitter.random() * self._config.arrival_jitter)
        begun = time.monotonic()
        found = self._route(request)
        if found is None:
            return self._response(Reply(404, faults.NO_ROUTE))
        action, entry = found
        entry.time, entry.wall = begun, time.time()
        self._log.append(entry)
        try:
            return await self._answer(request, body, action, entry)
        except Reply as reply:
            entry.status = reply.status
            return self._response(reply)
        finally:
            entry.seconds = time.monotonic() - begun

    def _route(self, request: web.Request) -> tuple[Action, Request] | None:
        found, asked = self._routes.get(request.path), {}
        if request.method == "GET":
            head, slash, tail = request.path.rpartition("/")
            found, asked = self._lookups.get(request.path), _query(request)
            if found is None:
                found, asked = self._lookups.get(head + slash), {**asked, "id": tail}
        elif request.method != "POST":
            return None
        if found is None:
            return None
        action, resource, name, bucket = found
        return action, Request(0.0, 0.0, resource, name, bucket, asked)

    async def _answer(
        self, request: web.Request, body: bytes, action: Action, entry: Request
    ) -> web.StreamResponse:
        config = self._config
        within = self._budgets[entry.bucket].spend(
            time.monotonic(), config.limit_mode, config.lower_limits.get(entry.bucket)
        )
        if config.limits and not within:
            raise Reply(faults.TOO_MANY, faults.LIMITED)
        entry.fault = self._fault(entry)
        half = (config.latency + self._jitter.random() * config.latency_jitter) / 2
        await self._wait(half)
        if entry.fault is not None and entry.fault not in faults.ON_A_REPLY:
            await self._wait(half)
            return await self._fail(request, entry)
        self._admit(request)
        reply = self._results(request, body, action, entry)
        await self._wait(half)
        if entry.fault is None:
            raise reply
        headers = self._headers(reply)
        if entry.fault == "truncated":
            return await faults.truncate(request, reply.body, headers)
        entry.status = reply.status
        return await faults.drip(request, reply.body, headers, config.drip_seconds)

    def _fault(self, entry: Request) -> str | None:
        always = self._config.count_faults.get(entry.resource) if entry.action == "count" else None
        return always or self._faults.next(entry.resource, entry.action)

    def _admit(self, request: web.Request) -> None:
        if not self._config.allowed_ip:
            raise Reply(200, _envelope(b"[]", f"ERROR: Invalid vendor ip [{request.remote}]"))
        given = request.headers.get("Authorization", "")
        try:
            pair = b64decode(given.removeprefix("Basic "), validate=True).decode()
        except ValueError:
            pair = ""
        if pair != f"{self._config.username}:{self._config.password}":
            raise Reply(403, faults.FORBIDDEN)

    def _results(self, request: web.Request, body: bytes, action: Action, entry: Request) -> Reply:
        if request.method == "POST":
            try:
                entry.body = parse_body(body)
            except ValueError:
                return Reply(400, faults.INVALID)
        self._fail_item(entry)
        self._turn += 1
        with self._world.lock:
            self._life.catch_up()
            try:
                call = self._call(request, entry)
                answer = given_answer(call, entry.resource, entry.action) or action(call)
            except Refused as refusal:
                return Reply(refusal.status, _envelope(b"[]", refusal.message))
        if answer.broken:
            return Reply(500, b"")
        if self._faults.empty(entry.resource):
            answer = faults.nothing(entry.action)
        entry.rows = answer.rows
        if answer.bare:
            return Reply(answer.status, answer.results, good=answer.status == OK)
        return Reply(OK, _envelope(answer.results, notice=answer.notice), good=True)

    def _fail_item(self, entry: Request) -> None:
        """Answer with the fault of the one item that is asked for, if it has one."""
        for key in ITEM_KEYS & entry.body.keys():
            fault = self._config.item_faults.get(f"{entry.resource}/{entry.body[key]}", "")
            plain = faults.plain_fault(fault, self._config.refusal_text)
            if fault == "404":  # the item is not there; the route is
                plain = (404, faults.NO_ITEM, JSON)
            if plain is not None:
                entry.fault = fault
                raise Reply(*plain)

    def _call(self, request: web.Request, entry: Request) -> Call:
        config = self._config
        return Call(
            heeded(entry.body, entry.resource, config),
            self._world,
            config,
            self._encoder,
            self._cache,
            self._turn,
            dict(request.query),
        )

    async def _fail(self, request: web.Request, entry: Request) -> web.StreamResponse:
        name = entry.fault or ""
        plain = faults.plain_fault(name, self._config.refusal_text)
        if plain is not None:
            raise Reply(*plain)
        if name == "hang":
            await faults.hang(request, self.closing)
        faults.reset(request)
        return web.Response()

    async def _wait(self, seconds: float) -> None:
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except TimeoutError:
            return

    def _headers(self, reply: Reply) -> dict[str, str]:
        headers = {
            "Content-Type": reply.content_type,
            "Date": self._dates.header(good=reply.good),
            "Server": "emag-sandbox",
            **LIMIT_HEADERS,
        }
        if reply.status == faults.TOO_MANY and self._config.retry_after is not None:
            headers["Retry-After"] = f"{self._config.retry_after:g}"
            if self._config.retry_after_date:
                until = self._world.clock.now() + self._config.retry_after
                headers["Retry-After"] = formatdate(until, usegmt=True)
        return headers

    def _response(self, reply: Reply) -> web.Response:
        return web.Response(status=reply.status, body=reply.body, headers=self._headers(reply))


def _query(request: web.Request) -> dict[str, Any]:
    """The query of a request; a key that ends with `[]` has a list."""
    return {
        name.removesuffix("[]"): request.query.getall(name)
        if name.endswith("[]")
        else request.query[name]
        for name in request.query
    }


def _envelope(results: bytes, message: str | None = None, *, notice: str = "") -> bytes:
    told = json.dumps([text for text in (message, notice) if text]).encode()
    failed = b"false" if message is None else b"true"
    return (
        b'{"isError":'
        + failed
        + b',"messages":'
        + told
        + b',"errors":[],"results":'
        + results
        + b"}"
    )
