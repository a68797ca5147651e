"""A real HTTP server that a webhook can be told on, and that answers as it is asked to."""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path
    from typing import Self

HANG = 0  # in place of a status: say nothing
TRICKLE = -1  # begin to answer, a byte at a time, and never end
FLOOD = -2  # a redirect whose body never ends
SECRET_PATH = "/hooks/T0V3RY/s3cr3tPath"


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    headers: Message
    body: bytes


class Receiver:
    """Answers with `statuses`, one after the other, the last one for ever after.

    `location` is where a redirect leads; `certificate` is a file with key and certificate.
    """

    def __init__(
        self, *statuses: int, location: str | None = None, certificate: Path | None = None
    ) -> None:
        self.received: list[Received] = []
        self.statuses = list(statuses or (200,))
        self.location = location
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"{'https' if certificate else 'http'}://{self.host}{SECRET_PATH}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:  # noqa: ANN401
        """Say nothing: callers go away while they are answered, on purpose."""


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.append(Received(self.path, self.headers, body))
            more = len(receiver.statuses) > 1
            status = receiver.statuses.pop(0) if more else receiver.statuses[0]
            if status == HANG:
                receiver.over.wait()
            elif status == TRICKLE:
                self._for_ever(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a", 0.02)
            elif status == FLOOD:
                head = f"HTTP/1.1 302 Found\r\nLocation: {receiver.location}\r\n\r\n"
                self._for_ever(head.encode(), b"a" * 65536, 0)
            else:
                self._answer(status)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            if receiver.location:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _for_ever(self, head: bytes, more: bytes, pause: float) -> None:
            self.wfile.write(head)
            while not receiver.over.wait(pause):
                self.wfile.write(more)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401
            """Say nothing."""

    return Handler
