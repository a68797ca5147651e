"""Sends one request; reads its reply in bounded time and space."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import select_proxy
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

from tap_emag.api.network import failure
from tap_emag.errors import ContractError, Reply
from tap_emag.schema.json_body import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_emag.errors import EmagError
    from tap_emag.settings.settings import Settings

CONNECT_TIMEOUT = 10.0  # seconds
CHUNK = 65_536  # bytes
LONGEST_BODY = 64 * 1024 * 1024  # bytes; a page of 100 orders takes 0.4 MB
logger = logging.getLogger("tap-emag")


@dataclass(frozen=True)
class Query:
    """One request: a resource such as `order/read` under a base URL, and how to call it."""

    resource: str
    method: str
    base: str
    values: Mapping[str, Any]
    enveloped: bool = True
    params: Mapping[str, str] = field(default_factory=dict)  # in the URL, besides the values
    once: bool = False  # one attempt; the breaker does not count its failure
    optional: bool = False  # likewise, but two attempts; its failure does not end the run

    @property
    def lenient(self) -> bool:
        """Return whether the circuit breaker ignores its failure."""
        return self.once or self.optional

    @property
    def endpoint(self) -> str:
        """Return the resource without ids: metrics need few distinct labels."""
        return re.sub(r"/\d+", "", self.resource)

    def request(self) -> requests.Request:
        """Return the request: flat JSON for POST, parameters in the URL for GET."""
        in_body = self.method == "POST"
        params = {**self.params, **({} if in_body else self.values)}
        given = {name: value for name, value in params.items() if value is not None}
        return requests.Request(
            self.method,
            f"{self.base}/{self.resource}",
            json=dict(self.values) if in_body else None,
            params=urlencode(given, doseq=True),  # as `requests` does, which is slower at a mapping
        )


class Transport:
    """Sends requests of one account, each once. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        """Open a session with the account's credentials."""
        self._settings = settings
        self._session = _session(settings)
        self._networks: dict[str, dict[str, Any]] = {}
        self._logged: set[tuple[str, str]] = set()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def prepare(self, query: Query) -> requests.PreparedRequest:
        """Return the request with its credentials, ready to be sent."""
        return self._session.prepare_request(query.request())

    def send(self, query: Query, request: requests.PreparedRequest) -> Reply:
        """Send once; return the reply, good or bad.

        Raises:
            TransientError: No complete reply came.
            UnreachableError: The host cannot be reached, or its certificate is not trusted.
            ContractError: The reply is ambiguous, or too long.
        """
        resource = query.resource
        try:
            response = self._session.send(
                request,
                timeout=(CONNECT_TIMEOUT, self._settings.request_timeout_seconds),
                allow_redirects=False,  # the password goes only to the host of the settings
                **self._network(query.base),
            )
            content = self._content(resource, response)
        except requests.RequestException as error:
            raise self._failed(query, error) from None
        headers = {name.lower(): value for name, value in response.headers.items()}
        status = response.status_code
        return Reply(resource, status, headers, self._parsed(resource, status, content))

    def _network(self, base: str) -> dict[str, Any]:
        """Return proxies and certificates from the environment, which may differ by host."""
        if base not in self._networks:
            found = self._session.merge_environment_settings(
                base, {}, stream=True, verify=None, cert=None
            )
            self._networks[base] = dict(found)
        return self._networks[base]

    def _failed(self, query: Query, error: requests.RequestException) -> EmagError:
        proxy = select_proxy(query.base, self._network(query.base)["proxies"])
        seconds = self._settings.request_timeout_seconds
        return failure(query.resource, query.base, error, seconds=seconds, proxy=proxy)

    def _parsed(self, resource: str, status: int, content: bytes) -> Any:  # noqa: ANN401 - any JSON value
        """Parse a body; return None when it is not JSON. Log each of its oddities once.

        Raises:
            ContractError: Its envelope has a key twice, so that its meaning is ambiguous.
        """
        parsed = parse(content)
        if parsed.ambiguous and status == HTTPStatus.OK:
            raise ContractError(f"{resource}: the reply names a key of its envelope twice")
        for oddity in parsed.oddities:
            if (resource, oddity) not in self._logged:
                self._logged.add((resource, oddity))
                logger.warning("%s: a reply %s", resource, oddity)
        return parsed.value

    def _content(self, resource: str, response: requests.Response) -> bytes:
        """Read the complete body within the timeout: `requests` only bounds the time between bytes.

        Raises:
            requests.ReadTimeout: The body takes too long.
            ContractError: The body is too long.
        """
        latest = time.monotonic() + self._settings.request_timeout_seconds
        content = bytearray()
        with response:
            for piece in _pieces(response):
                content += piece
                if len(content) > LONGEST_BODY:
                    raise ContractError(
                        f"{resource}: the reply is longer than {LONGEST_BODY >> 20} MB"
                    )
                if time.monotonic() > latest:
                    raise requests.ReadTimeout
        return bytes(content)


def _session(settings: Settings) -> requests.Session:
    session = requests.Session()
    session.auth = HTTPBasicAuth(settings.username.encode(), settings.password.encode())
    session.headers["Accept"] = "application/json"
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_maxsize=settings.max_concurrent_requests)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """Yield a body, unpacked, as it arrives; `iter_content` waits for full chunks.

    Raises:
        requests.RequestException: As `iter_content` does.
    """
    try:
        while piece := response.raw.read1(CHUNK, decode_content=True):
            yield piece
    except ReadTimeoutError:
        raise requests.ReadTimeout from None
    except DecodeError as error:
        raise requests.exceptions.ContentDecodingError(error) from None
    except HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from None
