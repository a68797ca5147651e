"""Turns network failures into errors that name the host and the remedy."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
)

from tap_emag.errors import (
    PROXY_ASKS,
    CertificateError,
    ConfigurationError,
    TransientError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_emag.errors import EmagError

EXPIRED, NOT_YET = 10, 9  # codes of X.509 verification
UNTRUSTED: Final = {18, 19, 20, 21}
OTHER_HOST: Final = {62, 64}
PLAIN_HTTP: Final = {
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
}
SOCKS: Final = (
    "HTTPS_PROXY: a SOCKS proxy needs a package that is not installed; name an HTTP proxy, or add"
    " requests[socks] to the plugin's `pip_url`"
)
BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # in the order of requests
NO_CONNECTION: Final = (NewConnectionError, NameResolutionError, ConnectTimeoutError)


def failure(
    resource: str, url: str, error: requests.RequestException, *, seconds: float, proxy: str | None
) -> EmagError:
    """Return the error that explains why a request got no reply.

    Args:
        resource: The resource that was asked for.
        url: The base URL of the host that was asked.
        error: The error of `requests`.
        seconds: The request timeout.
        proxy: The proxy's URL if there is one; only its host and port are named.
    """
    if isinstance(error, requests.exceptions.InvalidSchema) and "SOCKS" in str(error):
        return ConfigurationError([SOCKS])
    causes = list(_causes(error))
    if proxy and any(isinstance(cause, ProxyError) for cause in causes):
        return _proxy_failure(resource, url, causes, proxy)
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return _tls_failure(resource, url, cause)
    if isinstance(error, requests.ReadTimeout):
        return TransientError(f"{resource}: no answer from {url} within {seconds:g} s")
    if any(isinstance(cause, NO_CONNECTION) for cause in causes):
        return UnreachableError(
            f"{resource}: no connection to {url}. Check `api_url`, the network and the name"
        )
    return TransientError(f"{resource}: the connection to {url} broke ({type(error).__name__})")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all errors that it wraps, outermost first."""
    todo, seen = [error], set()
    while todo:
        each = todo.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
        todo += [one for one in inner if isinstance(one, BaseException)]


def _proxy_failure(resource: str, url: str, causes: list[BaseException], proxy: str) -> EmagError:
    parts = urlsplit(proxy)
    name = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    status = re.search(r"Tunnel connection failed: (\d{3})", " ".join(map(str, causes)))
    if status and status[1] == "407":
        return ConfigurationError([PROXY_ASKS.replace("the proxy", f"the proxy {name}")])
    why = f"refuses it (HTTP {status[1]})" if status else "does not answer"
    return UnreachableError(
        f"{resource}: no connection to {url}: the proxy {name} {why}. Check HTTPS_PROXY, or add the"
        f" host {urlsplit(url).hostname} to NO_PROXY"
    )


def _tls_failure(resource: str, url: str, error: ssl.SSLError) -> EmagError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateError(f"{resource}: the certificate of {url} {_untrusted(error)}")
    if error.reason in PLAIN_HTTP:
        return ConfigurationError(
            [f"api_url: {url} answers without TLS; write the address of an HTTPS port"]
        )
    if "X509" in str(error) or "PEM" in str(error):
        return ConfigurationError(
            ["REQUESTS_CA_BUNDLE: the file contains no certificate; name a file in PEM format"]
        )
    kind = error.reason or type(error).__name__
    return TransientError(f"{resource}: {url} broke off the TLS handshake ({kind})")


def _untrusted(error: ssl.SSLCertVerificationError) -> str:
    code = error.verify_code
    if code == EXPIRED:
        return (
            "cannot be verified: it has expired. Check this machine's clock; otherwise wait until"
            " the host has a new one"
        )
    if code == NOT_YET:
        return "cannot be verified: it is not valid yet. Check this machine's clock"
    if code in OTHER_HOST:
        return "cannot be verified: it belongs to another host. Check `api_url`"
    if code in UNTRUSTED:
        return (
            "cannot be verified: no known authority has signed it. If a proxy in between has, set"
            " REQUESTS_CA_BUNDLE to the proxy's certificate"
        )
    return f"cannot be verified: {error.verify_message}"


def check_certificates() -> None:
    """Check that the certificates which the environment names can be read.

    Raises:
        ConfigurationError: They cannot.
    """
    name = next((name for name in BUNDLES if os.environ.get(name)), None)
    if name is None:
        return
    path = Path(os.environ[name])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except OSError as error:
        reason = "no certificates in it" if isinstance(error, ssl.SSLError) else error.strerror
        problem = (
            f"{name}: {path} cannot be used ({reason}); write the path of a PEM file with"
            " certificates, or unset it"
        )
        raise ConfigurationError([problem]) from None
