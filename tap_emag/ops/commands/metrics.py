"""`emag-ops metrics`."""

from __future__ import annotations

import json
import logging
import signal
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

import click
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from tap_emag.errors import ConfigurationError, EmagError
from tap_emag.metrics import Totals
from tap_emag.ops.live_metrics import LiveCollector
from tap_emag.ops.meltano.database import Runs
from tap_emag.ops.meltano.pipelines import OwnPipelines
from tap_emag.ops.meltano.project import Place
from tap_emag.ops.options import state_options, timeout
from tap_emag.state.store import StateStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    WSGIApp = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]

logger = logging.getLogger("emag-ops")


@click.command("metrics")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="0.0.0.0 lets other hosts read the metrics.",
)
@state_options
def command(*, port: int, address: str, state_dir: Path, rate_limit_store: str | None) -> None:
    """Serve metrics for Prometheus at /metrics, and /healthz, until it is stopped."""
    place = Place.from_environment()
    store, longest = Totals(StateStore(state_dir)), timeout(None, force=True)

    def connect() -> Runs:
        return Runs(place.url)

    registry = CollectorRegistry()
    OwnPipelines.of_project(place.root)  # a wrong project is an error now, not at the first scrape
    live = LiveCollector(store, rate_limit_store, connect, longest, place.root)
    registry.register(live)
    try:
        server = make_server(
            address, port, application(registry, store, connect), ThreadingWSGIServer, _Quiet
        )
    except OSError as error:
        reason = f"{address}:{port} cannot be opened ({error.strerror})"
        problem = f"--address, --port: {reason}; name another one"
        raise ConfigurationError([problem]) from None
    with server:
        serve(server, lambda: logger.info("http://%s:%d/metrics", address, server.server_port))


def serve(server: ThreadingWSGIServer, ready: Callable[[], object]) -> None:
    """Serve until SIGTERM or SIGINT."""

    def stop(*_: object) -> None:
        # shutdown waits for the loop that this handler interrupts.
        threading.Thread(target=server.shutdown, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    ready()
    server.serve_forever(poll_interval=0.2)


def application(
    registry: CollectorRegistry, store: Totals, connect: Callable[[], object]
) -> WSGIApp:
    """Return the application that answers /metrics and /healthz."""
    exposition: WSGIApp = make_wsgi_app(registry)

    def health() -> tuple[HTTPStatus, dict[str, str]]:
        try:
            store.read()
            connect()
        except (EmagError, OSError) as error:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"status": "failing", "reason": str(error)}
        return HTTPStatus.OK, {"status": "ok"}

    def answer(environ: WSGIEnvironment, respond: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/healthz":
            return _written(respond, *health())
        if path != "/metrics":
            return _written(respond, HTTPStatus.NOT_FOUND, {"see": "/metrics, /healthz"})
        try:
            return exposition(environ, respond)
        except (EmagError, OSError) as error:
            # Prometheus then counts the scrape as failed.
            logger.warning("%s", error)
            return _written(respond, HTTPStatus.SERVICE_UNAVAILABLE, {"reason": str(error)})

    return answer


def _written(respond: StartResponse, status: HTTPStatus, body: dict[str, str]) -> Iterable[bytes]:
    respond(f"{status.value} {status.phrase}", [("Content-Type", "application/json")])
    return [json.dumps(body).encode() + b"\n"]


class _Quiet(WSGIRequestHandler):
    """Logs no request: Prometheus sends one every few seconds."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own
        """Log nothing."""
