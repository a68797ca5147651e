"""What the wire can do to a request: TLS that fails, proxies that refuse, in words of their own."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import subprocess
import threading
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.errors import (
    CertificateError,
    ConfigurationError,
    EmagError,
    TransientError,
    UnreachableError,
)
from tap_emag.settings.settings import Settings
from tests.support.api import QUICK, STATE_DIR, client_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tap_emag.api.client import Client

GOOD = b'{"isError": false, "messages": [], "results": [{"id": 1}]}'
HEAD = "HTTP/1.1 200 OK\r\nDate: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n"
AUTHORITY = """
[ca]
default_ca = here
[here]
database = index
new_certs_dir = .
rand_serial = yes
policy = any
default_md = sha256
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[host]
basicConstraints = critical, CA:TRUE
subjectAltName = {names}
"""


class Certificates:
    """Makes certificates that sign themselves, with the system's OpenSSL."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, names: str, begin: int, end: int) -> Path:
        """Return a file with key and certificate, valid from one year to the other."""
        folder = self._folder / f"{begin}-{end}-{names.partition(':')[2]}"
        folder.mkdir()
        (folder / "index").touch()
        (folder / "config").write_text(AUTHORITY.format(names=names))
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self._run(
            folder,
            "req",
            "-config",
            "config",
            "-new",
            *curve,
            "-subj",
            "/CN=x",
            "-keyout",
            "key",
            "-out",
            "request",
        )
        self._run(
            folder,
            "ca",
            "-config",
            "config",
            "-batch",
            "-selfsign",
            "-notext",
            "-in",
            "request",
            "-keyfile",
            "key",
            "-out",
            "certificate",
            "-extensions",
            "host",
            "-startdate",
            f"{begin}0101000000Z",
            "-enddate",
            f"{end}0101000000Z",
        )
        both = folder / "both.pem"
        both.write_bytes((folder / "key").read_bytes() + (folder / "certificate").read_bytes())
        return both

    @staticmethod
    def _run(folder: Path, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


class Server:
    """A port on loopback; `serve` is what happens to each connection, by number from 0."""

    def __init__(self, serve: Callable[[socket.socket, int], None]) -> None:
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            number, self.connections = self.connections, self.connections + 1
            try:
                with connection:
                    self._serve(connection, number)
            except OSError:
                continue


@contextmanager
def serving(serve: Callable[[socket.socket, int], None]) -> Iterator[Server]:
    server = Server(serve)
    try:
        yield server
    finally:
        server.close()


def over_tls(certificate: Path) -> Callable[[socket.socket, int], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(connection: socket.socket, _: int = 0) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            asked = b""
            while not asked.endswith(b"}"):  # what is left unread makes the end a reset
                piece = wrapped.recv(65_536)
                if not piece:
                    return
                asked += piece
            wrapped.sendall(HEAD.format(formatdate(usegmt=True), len(GOOD)).encode() + GOOD)

    return serve


def saying(reply: bytes) -> Callable[[socket.socket, int], None]:
    def serve(connection: socket.socket, _: int) -> None:
        connection.recv(65_536)
        connection.sendall(reply)

    return serve


@contextmanager
def client_of(url: str, **values: Any) -> Iterator[Client]:  # noqa: ANN401 - settings
    config = {**QUICK, "api_url": url, "state_dir": os.environ[STATE_DIR], **values}
    client = client_with(Settings.from_config(config, datetime.now(timezone.utc)))
    try:
        yield client
    finally:
        client.close()


def failure_of(url: str, ask: str = "read") -> tuple[EmagError, int]:
    """Return what a request raises, and how many were sent."""
    with client_of(url) as client, pytest.raises(EmagError) as caught:
        client.read("order", 1, {}) if ask == "read" else client.get_rest("commission/estimate/1")
    return caught.value, client.sent


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = Certificates(tmp_path_factory.mktemp("certificates"))
    return {
        "good": made.make("IP:127.0.0.1", 2020, 2049),
        "expired": made.make("IP:127.0.0.1", 2019, 2020),
        "not yet": made.make("IP:127.0.0.1", 2048, 2049),
        "other host": made.make("DNS:other.example.invalid", 2020, 2049),
        "other name": made.make("IP:127.0.0.9", 2020, 2049),
    }


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("certificate", "trusted", "said"),
    [
        ("expired", "expired", "it has expired. Check this machine's clock"),
        ("not yet", "not yet", "it is not valid yet. Check this machine's clock"),
        ("other host", "other host", "it belongs to another host. Check `api_url`"),
        ("other name", "other name", "it belongs to another host. Check `api_url`"),
        ("good", "other host", "no known authority has signed it"),
    ],
)
def test_each_certificate_that_cannot_be_trusted_has_words_of_its_own(
    certificates: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    certificate: str,
    trusted: str,
    said: str,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates[trusted]))
    with serving(over_tls(certificates[certificate])) as server:
        error, sent = failure_of(f"https://127.0.0.1:{server.port}/api-3")
    assert isinstance(error, CertificateError)
    assert f"the certificate of https://127.0.0.1:{server.port}/api-3" in str(error)
    assert said in str(error)
    assert (sent, error.exit_code, error.contained) == (1, 1, False)


@pytest.mark.parametrize("broken", ["closed", "reset"])
def test_a_handshake_that_breaks_is_tried_again(
    certificates: dict[str, Path], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates["good"]))
    well = over_tls(certificates["good"])

    def serve(connection: socket.socket, number: int) -> None:
        if number >= 2:
            well(connection, number)
            return
        connection.recv(65_536)
        if broken == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with serving(serve) as server, client_of(f"https://127.0.0.1:{server.port}/api-3") as client:
        assert [row["id"] for row in client.read("order", 1, {}).rows] == [1]
        assert client.sent == 3


def test_a_port_without_tls_is_a_wrong_address() -> None:
    with serving(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        url = f"https://127.0.0.1:{server.port}/api-3"
        error, sent = failure_of(url)
    assert isinstance(error, ConfigurationError)
    assert error.problems == [
        f"api_url: {url} answers without TLS; write the address of an HTTPS port"
    ]
    assert sent == 1


def test_a_file_of_authorities_that_holds_none_is_named(
    certificates: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bundle").write_text("no certificate\n")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "bundle"))
    with serving(over_tls(certificates["good"])) as server:
        error, _ = failure_of(f"https://127.0.0.1:{server.port}/api-3")
    assert isinstance(error, ConfigurationError)
    assert str(error).startswith("REQUESTS_CA_BUNDLE: the file contains no certificate")


PROXIES = [
    (
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        ConfigurationError,
        "user and password",
    ),
    (b"HTTP/1.1 403 Forbidden\r\n\r\n", UnreachableError, "refuses it (HTTP 403)"),
    (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", UnreachableError, "refuses it (HTTP 502)"),
]


@pytest.mark.parametrize(("reply", "kind", "said"), PROXIES)
def test_a_proxy_that_refuses_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, reply: bytes, kind: type[EmagError], said: str
) -> None:
    with serving(saying(reply)) as proxy:
        where = f"http://someone:hidden-word@127.0.0.1:{proxy.port}"
        monkeypatch.setenv("HTTPS_PROXY", where)
        error, _ = failure_of("https://shop.example.invalid/api-3")
    assert isinstance(error, kind)
    assert said in str(error)
    assert f"127.0.0.1:{proxy.port}" in str(error)
    assert "hidden-word" not in str(error)
    assert "someone" not in str(error)


def test_a_proxy_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(saying(b"")) as proxy:
        pass
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    error, sent = failure_of("https://shop.example.invalid/api-3")
    assert isinstance(error, UnreachableError)
    assert f"the proxy 127.0.0.1:{proxy.port} does not answer" in str(error)
    assert "shop.example.invalid to NO_PROXY" in str(error)
    assert sent == 3


def test_a_socks_proxy_without_its_package_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")
    error, sent = failure_of("https://shop.example.invalid/api-3")
    assert isinstance(error, ConfigurationError)
    assert "requests[socks]" in str(error)
    assert sent == 1


def test_each_host_has_its_own_word_on_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(saying(b"HTTP/1.1 403 Forbidden\r\n\r\n")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "marketplace-api.example.invalid")
        url = "https://marketplace-api.example.invalid/api-3"
        error, _ = failure_of(url)
        assert str(error).startswith(f"order/read: no connection to {url}. Check `api_url`")
        error, _ = failure_of(url, "rest")
    helpers = "https://marketplace.example.invalid/api/v1"
    assert f"no connection to {helpers}: the proxy 127.0.0.1:{proxy.port} refuses it" in str(error)
    assert error.contained


def test_the_helpers_errors_name_their_own_host(certificates: dict[str, Path]) -> None:
    with serving(over_tls(certificates["good"])) as server:
        error, _ = failure_of(f"https://127.0.0.1:{server.port}/api-3", "rest")
    assert isinstance(error, CertificateError)
    assert f"https://127.0.0.1:{server.port}/api/v1 cannot be verified" in str(error)
    assert error.contained


def test_a_connection_that_breaks_names_its_host() -> None:
    with serving(saying(b"")) as server:
        error, sent = failure_of(f"http://127.0.0.1:{server.port}/api-3")
    assert type(error) is TransientError
    assert f"the connection to http://127.0.0.1:{server.port}/api-3 broke" in str(error)
    assert sent == 5  # three attempts, and two other resources that say whether all fail
