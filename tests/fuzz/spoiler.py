"""A server between the tap and the sandbox that hands on what is asked and spoils what is said.

What it does to a reply, a test decides. It keeps what it has sent, so that a test can look for each
row of it in what the tap has written.
"""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from emag_sandbox import Sandbox

KEPT_HEADERS = ("Content-Type", "Date")


@dataclass(frozen=True)
class Said:
    """A reply: the resource that was asked, such as `order/read`, and the body as it was sent."""

    resource: str
    body: bytes


@dataclass
class Spoiler:
    """Listens on loopback while it is used as a context manager; `url` is the API's base.

    `spoil` is given resource, body and how many replies of that resource came before; it returns
    the body to send instead.
    """

    sandbox: Sandbox
    spoil: Callable[[str, bytes, int], bytes] = lambda _resource, body, _number: body
    said: list[Said] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        """Begin to listen."""
        spoiler = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                spoiler.answer(self)

            def do_GET(self) -> None:
                spoiler.answer(self)

            def log_message(self, *_: Any) -> None:  # noqa: ANN401
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        base = urlsplit(self.sandbox.url).path
        return f"http://127.0.0.1:{self._server.server_address[1]}{base}"

    def forget(self, spoil: Callable[[str, bytes, int], bytes]) -> None:
        """Spoil otherwise from now on; what was said before is forgotten."""
        with self._lock:
            self.spoil = spoil
            self.said.clear()
            self._numbers.clear()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        status, headers, body = self._true_answer(request, asked)
        base = urlsplit(self.sandbox.url).path
        resource = urlsplit(request.path).path.removeprefix(base).strip("/")
        with self._lock:
            number = self._numbers.get(resource, 0)
            self._numbers[resource] = number + 1
            body = self.spoil(resource, body, number) if status == http.client.OK else body
            self.said.append(Said(resource, body))
        request.send_response_only(status)
        for name in KEPT_HEADERS:
            request.send_header(name, headers.get(name, ""))
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _true_answer(
        self, request: BaseHTTPRequestHandler, asked: bytes
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        place = urlsplit(self.sandbox.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        try:
            headers = {name: request.headers.get(name, "") for name in ("Authorization",)}
            connection.request(request.command, request.path, asked, headers)
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()
