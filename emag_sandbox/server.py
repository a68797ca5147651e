"""The sandbox: an invented shop served over real HTTP, on a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import threading
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from emag_sandbox.api.control import Control
from emag_sandbox.api.dates import leave_out
from emag_sandbox.api.gateway import BASE, Api
from emag_sandbox.api.log import RequestLog
from emag_sandbox.clock import Clock
from emag_sandbox.config import SandboxConfig
from emag_sandbox.shop.activity import Activity
from emag_sandbox.shop.shop import Shop

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

BEAT: Final = 0.1
PATIENCE: Final = 30.0


class Sandbox:
    """An eMAG that runs on this machine.

    `url` is the API's base, `world` the shop with its exact rows, `clock` its time, `log` the
    requests so far, `config` the knobs. Use it as a context manager, or `start` and `stop` it.
    """

    def __init__(self, config: SandboxConfig | None = None) -> None:
        """Make the world of a config.

        Raises:
            ValueError: when the config's host is not on loopback or its zone does not exist.
        """
        self.config = (config or SandboxConfig()).copy()
        _check_loopback(self.config.host)
        self.clock = Clock(self.config.clock, self.config.clock_speed)
        self.world = Shop(self.config, self.clock)
        self.log = RequestLog()
        self.port = 0
        self._life = Activity(self.world, self.config)
        self._life.catch_up()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: OSError | None = None

    @property
    def url(self) -> str:
        """The API's base URL."""
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        return f"http://{host}:{self.port}{BASE}"

    def start(self) -> None:
        """Listen, on a daemon thread; returns once the port is open.

        Raises:
            OSError: when the port is taken.
        """
        self._ready.clear()
        # A burst begins when the sandbox listens, not when the shop was made.
        self.config.burst = self.config.burst
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="emag-sandbox", daemon=True)
        self._thread.start()
        self._ready.wait(PATIENCE)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Stop listening; requests under way are cut off."""
        if self._loop is not None and self._closing is not None and self._thread is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join(PATIENCE)

    def set(self, **knobs: object) -> None:
        """Set knobs of the running sandbox.

        Raises:
            ValueError: for an unknown knob, a bad value, or one that is fixed at the start.
        """
        self._life.catch_up()
        self.config.merge(knobs)
        self._life.catch_up()

    def stats(self) -> dict[str, Any]:
        """What the requests so far add up to, in all and by bucket."""
        return self.log.stats()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        api = Api(self.world, self.config, self._life, self.log)
        control = Control(self.world, self.config, self._life, self.log)
        app = web.Application()
        app.on_response_prepare.append(leave_out)
        app.add_routes([*control.routes(), web.route("*", "/{path:.*}", api.handle)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.config.host, self.config.port)
            await site.start()
            self.port = runner.addresses[0][1]
            self._loop, self._closing = asyncio.get_running_loop(), api.closing
            self._ready.set()
            await self._live(api.closing)
        finally:
            await runner.cleanup()

    async def _live(self, closing: asyncio.Event) -> None:
        while not closing.is_set():
            self._life.catch_up()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(closing.wait(), BEAT)


def _check_loopback(host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        message = f"the sandbox listens on loopback only, not on {host!r}"
        raise ValueError(message)
