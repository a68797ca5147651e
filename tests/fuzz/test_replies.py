"""Replies that are no replies: the client tells what is wrong, in time, whatever comes."""

from __future__ import annotations

import gzip
import itertools
import json
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emag_sandbox import SandboxConfig
from tap_emag.api import transport
from tap_emag.api.client import Page
from tap_emag.api.server_clock import ServerClock
from tap_emag.errors import ContractError, EmagError, RefusedError, TransientError
from tests.fuzz.runs import LONG
from tests.support.api import client_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_emag.api.client import Client

EXAMPLES = settings(max_examples=5000 if LONG else 30, deadline=None)
GOOD = b'{"isError": false, "messages": [], "results": [{"id": 1}, {"id": 2}]}'
TIMEOUT = 1.0  # seconds for one request


class Raw:
    """A server on loopback that sends these bytes, whoever asks for what, and hangs up.

    `gzip_bomb` and the like are mere bytes to it; pieces are sent one after the other, and an
    endless line of them for as long as the client listens.
    """

    config = SandboxConfig(limits=False)  # it counts no requests

    def __init__(self) -> None:
        self.pieces: Iterable[bytes] = ()
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/api-3"

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                asked = b""
                while b"\r\n\r\n" not in asked or not asked.endswith(b"}"):
                    asked += connection.recv(65_536)
                for piece in self.pieces:
                    connection.sendall(piece)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                return


class Trusting(ServerClock):
    """Does not ask again where replies carry no date, or a wrong one."""

    doubtful = False


@contextmanager
def answering(raw: Raw, pieces: Iterable[bytes]) -> Iterator[Client]:
    raw.pieces = pieces
    with client_for(raw, retry_max_attempts=1, request_timeout_seconds=TIMEOUT) as client:  # type: ignore[arg-type]
        client.clock = Trusting()
        yield client


@pytest.fixture(scope="module")
def raw() -> Iterator[Raw]:
    server = Raw()
    yield server
    server.close()


def reply(body: bytes, *headers: bytes, length: object = None) -> bytes:
    told = len(body) if length is None else length
    lines = [b"HTTP/1.1 200 OK", f"Content-Length: {told}".encode(), *headers]
    return b"\r\n".join([*lines, b"", body])


def chunked(body: bytes, *headers: bytes) -> bytes:
    head = [b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", *headers, b"", b""]
    return b"\r\n".join(head) + body


CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
READ = {
    "plain": reply(GOOD),
    "after a byte order mark": reply(b"\xef\xbb\xbf" + GOOD),
    "in utf-16": reply(GOOD.decode().encode("utf-16")),
    "as text/html": reply(GOOD, b"Content-Type: text/html"),
    "without a type": reply(GOOD, b"Content-Type:"),
    "gzipped": reply(gzip.compress(GOOD), b"Content-Encoding: gzip"),
    "in chunks": chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD)),
    "longer than it says": reply(GOOD + b"]]]", length=len(GOOD)),
    "without a length": b"HTTP/1.1 200 OK\r\n\r\n" + GOOD,
    "with a date of no calendar": reply(GOOD, b"Date: Mon, 99 Foo 99999 99:99:99 GMT"),
    "with a date far away": reply(GOOD, b"Date: Fri, 31 Dec 9999 23:59:59 GMT"),
    "after a hundred": b"HTTP/1.1 100 Continue\r\n\r\n" + reply(GOOD),
}
TRANSIENT = {
    "empty": reply(b""),
    "cut short": reply(GOOD, length=len(GOOD) + 5),
    "cut short and closed": reply(GOOD[:40]),
    "html": reply(b"<html>Bad gateway</html>"),
    "garbled gzip": reply(b"\x1f\x8b" + GOOD, b"Content-Encoding: gzip"),
    "gzip that is none": reply(GOOD, b"Content-Encoding: gzip"),
    "no chunk": chunked(b"zzz\r\n" + GOOD),
    "chunk cut short": chunked(b"fff\r\n" + GOOD),
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing at all": b"",
    "nothing but NUL": b"\0" * 5000,
    "a length that is no number": reply(GOOD[:30], length="many"),
    "two lengths": reply(GOOD, b"Content-Length: 5"),
    "a header without end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    "headers without number": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n" + GOOD,
    "a status of no kind": b"HTTP/1.1 abc OK\r\n\r\n" + GOOD,
    "a list instead of the envelope": reply(b"[1, 2]"),
    "no envelope": reply(b'{"results": []}'),
}
WRONG = {
    "an error": reply(b'{"isError": true, "results": []}'),
    "an error of no kind": reply(b'{"isError": {"a": [null]}, "messages": {"x": 5}}'),
    "no results": reply(b'{"isError": false}'),
    "results that are no list": reply(b'{"isError": false, "results": 5}'),
    "two results": reply(b'{"isError": false, "results": [], "results": []}'),
    "an unknown status": reply(GOOD).replace(b"200", b"299"),
}
ALL = [*READ.values(), *TRANSIENT.values(), *WRONG.values()]


@pytest.mark.parametrize("name", READ)
def test_a_good_body_is_read_however_it_is_wrapped(raw: Raw, name: str) -> None:
    with answering(raw, [READ[name]]) as client:
        assert [row["id"] for row in client.read("order", 1, {}).rows] == [1, 2]


@pytest.mark.parametrize("name", TRANSIENT)
def test_what_was_cut_or_garbled_on_its_way_may_come_right(raw: Raw, name: str) -> None:
    with answering(raw, [TRANSIENT[name]]) as client, pytest.raises(TransientError):
        client.read("order", 1, {})


@pytest.mark.parametrize("name", WRONG)
def test_what_will_never_come_right_is_not_asked_for_again(raw: Raw, name: str) -> None:
    with answering(raw, [WRONG[name]]) as client, pytest.raises(ContractError):
        client.read("order", 1, {})


def test_a_row_that_is_no_object_is_a_row_all_the_same(raw: Raw) -> None:
    body = b'{"isError": false, "results": [{"id": 1}, null, 5, ["x"], "text"]}'
    with answering(raw, [reply(body)]) as client:
        page = client.read("order", 1, {})
    assert len(page.rows) == 5
    assert [getattr(row, "value", row) for row in page.rows] == [{"id": 1}, None, 5, ["x"], "text"]


def test_a_lone_object_is_a_list_of_one(raw: Raw) -> None:
    with answering(raw, [reply(b'{"isError": false, "results": {"id": 1, "x": 2}}')]) as client:
        assert client.read("order", 1, {}).rows == [{"id": 1, "x": 2}]


def test_a_body_without_end_is_given_up(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LONGEST_BODY", 5_000_000)
    endless = itertools.chain([chunked(b"")], itertools.repeat(CHUNK))
    with answering(raw, endless) as client, pytest.raises(ContractError, match="longer than 4 MB"):
        client.read("order", 1, {})


def test_a_small_body_that_unpacks_without_end_is_given_up(
    raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "LONGEST_BODY", 5_000_000)
    bomb = gzip.compress(b" " * 50_000_000)
    with (
        answering(raw, [reply(bomb, b"Content-Encoding: gzip")]) as client,
        pytest.raises(ContractError, match="longer than"),
    ):
        client.read("order", 1, {})


@pytest.mark.parametrize("drop", [b" ", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"])
def test_a_body_that_drips_is_given_up_in_time(raw: Raw, drop: bytes) -> None:
    class Drips:
        def __iter__(self) -> Iterator[bytes]:  # anew for each request
            yield reply(b"", length=99_999) if drop == b" " else drop
            while True:
                time.sleep(0.1)
                yield b" "

    begun = time.monotonic()
    with answering(raw, Drips()) as client, pytest.raises(TransientError):
        client.read("order", 1, {})
    assert time.monotonic() - begun < TIMEOUT * 30


def test_a_body_of_ten_megabytes_in_one_text_is_read(raw: Raw) -> None:
    row = {"id": 1, "name": "x" * 10_000_000}
    body = json.dumps({"isError": False, "results": [row]}).encode()
    raw.pieces = [reply(body)]
    with client_for(raw, request_timeout_seconds=60) as client:  # type: ignore[arg-type]
        assert client.read("order", 1, {}).rows == [row]


@EXAMPLES
@given(
    st.binary()
    | st.binary().map(reply)
    | st.binary().map(chunked)
    | st.lists(st.sampled_from(ALL)).map(b"".join)
    | st.tuples(st.sampled_from(ALL), st.integers(0, 200), st.binary(max_size=8)).map(
        lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] + len(drawn[2]) :]
    )
)
def test_any_bytes_are_a_page_or_a_clear_error(raw: Raw, content: bytes) -> None:
    with answering(raw, [content]) as client:
        found: Any
        try:
            found = client.read("order", 1, {})
        except (ContractError, TransientError, RefusedError) as error:
            found = error
    assert isinstance(found, Page | EmagError)


@EXAMPLES
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["isError", "messages", "results", "noOfItems", "text", "0", "1"])
                | st.text(),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    ),
    st.booleans(),
    st.sampled_from(["read", "count"]),
)
def test_any_json_is_a_page_or_a_clear_error(
    raw: Raw,
    body: Any,  # noqa: ANN401
    good: bool,
    action: str,
) -> None:
    if good:
        body = {"isError": False, "results": body}
    with answering(raw, [reply(json.dumps(body).encode())]) as client:
        found: Any
        try:
            found = client.read("order", 1, {}) if action == "read" else client.count("order", {})
        except (ContractError, TransientError, RefusedError) as error:
            found = error
    if isinstance(found, Page):
        results = body["results"]
        listed = list(results.values()) if isinstance(results, dict) else results
        assert len(found.rows) in (len(listed), 1)
