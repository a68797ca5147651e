"""A webhook is told how a run ended, over real HTTP, and the run never pays for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import logging
import shutil
import socket
import subprocess
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tap_emag.redaction import hide, secrets_of
from tap_emag.reporting.report import EVENTS
from tap_emag.reporting.webhook import HURRIED, PATIENCE, Timeouts, send
from tap_emag.settings.settings import Settings
from tests.support.receiver import FLOOD, HANG, SECRET_PATH, TRICKLE, Receiver
from tests.support.reports import VALIDATOR, a_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_emag.reporting.report import Status

SECRET = "pass phrase for tests: ăîș"
QUICK = Timeouts(attempt=0.3, pause=0.05, attempts=1.0, total=2.0)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that is logged, at any level and by any library, as nobody has redacted it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    logging.getLogger().addHandler(handler)
    chatty = [logging.getLogger(name) for name in ("tap-emag", "urllib3", "requests")]
    for logger in chatty:
        logger.setLevel(logging.DEBUG)
    yield stream
    for logger in chatty:
        logger.setLevel(logging.NOTSET)
    logging.getLogger().removeHandler(handler)


def config(url: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401
    given = {"username": "seller-7", "password": "pa55-word", "webhook_url": url}
    return {**given, "webhook_secret": SECRET, **values}


def settings(url: str, **values: Any) -> Settings:  # noqa: ANN401
    return Settings.from_config(config(url, **values), datetime.now(timezone.utc))


def warnings_in(log: io.StringIO) -> list[str]:
    lines = log.getvalue().splitlines()
    return [line for line in lines if not line.startswith(("DEBUG", "INFO"))]


@pytest.mark.parametrize("status", EVENTS)
def test_each_way_to_end_is_told_and_signed(status: Status) -> None:
    before = int(time.time())
    with Receiver() as receiver:
        send(settings(receiver.url), a_report(status))
    [received] = receiver.received
    body = json.loads(received.body)
    VALIDATOR.validate(body)
    headers = received.headers
    assert received.path == SECRET_PATH
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Tap-Emag-Event"] == body["event"] == EVENTS[status]
    assert headers["X-Tap-Emag-Delivery"] == body["id"]
    assert before <= int(headers["X-Tap-Emag-Timestamp"]) <= time.time()
    signed = headers["X-Tap-Emag-Timestamp"].encode() + b"." + received.body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Tap-Emag-Signature"] == f"sha256={expected}"


STANDARD_SECRET = f"whsec_{base64.b64encode(b'words that sign in tests').decode()}"
SECRETS_AND_KEYS = {
    STANDARD_SECRET: STANDARD_SECRET,
    SECRET: f"whsec_{base64.b64encode(SECRET.encode()).decode()}",
}


@pytest.mark.parametrize(("secret", "key"), SECRETS_AND_KEYS.items(), ids=["whsec_", "text"])
@pytest.mark.parametrize("style", ["json", "slack"])
def test_the_library_of_standard_webhooks_verifies_it(secret: str, key: str, style: str) -> None:
    with Receiver() as receiver:
        send(settings(receiver.url, webhook_secret=secret, webhook_format=style), a_report())
    [received] = receiver.received
    verifier, headers = Webhook(key), dict(received.headers)
    assert verifier.verify(received.body, headers) == json.loads(received.body)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(received.body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(base64.b64encode(b"another key").decode()).verify(received.body, headers)


def test_the_id_and_time_of_standard_webhooks_are_those_of_the_tap() -> None:
    with Receiver(500, 200) as receiver:
        send(settings(receiver.url, webhook_secret=None), a_report(), QUICK)
    for received in receiver.received:
        assert received.headers["webhook-id"] == json.loads(received.body)["id"]
        assert received.headers["webhook-timestamp"] == received.headers["X-Tap-Emag-Timestamp"]
        assert "webhook-signature" not in received.headers
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_each_delivery_has_an_id_of_its_own() -> None:
    with Receiver() as receiver:
        for _ in range(2):
            send(settings(receiver.url), a_report())
    first, second = (json.loads(received.body)["id"] for received in receiver.received)
    assert first != second


def test_without_a_secret_nothing_is_signed() -> None:
    with Receiver() as receiver:
        send(settings(receiver.url, webhook_secret=None), a_report())
    assert "X-Tap-Emag-Signature" not in receiver.received[0].headers


def test_slack_is_told_in_its_own_form() -> None:
    with Receiver() as receiver:
        send(settings(receiver.url, webhook_format="slack"), a_report("failed"))
    message = json.loads(receiver.received[0].body)
    assert set(message) == {"text", "blocks"}
    assert message["text"].startswith("❌ emag_ro/main: sync failed")


def test_without_an_address_nobody_is_told(log: io.StringIO) -> None:
    send(settings(""), a_report())
    assert log.getvalue() == ""


def test_credentials_of_the_address_are_sent_as_a_header_and_not_logged(log: io.StringIO) -> None:
    with Receiver() as receiver:
        send(settings(receiver.url.replace("://", "://me:hush-hush@")), a_report())
    assert receiver.received[0].headers["Authorization"].startswith("Basic ")
    assert f"INFO tap-emag The webhook at {receiver.host} accepted" in log.getvalue()
    assert "hush-hush" not in log.getvalue()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again_under_the_same_id(status: int, log: io.StringIO) -> None:
    with Receiver(status, status, 200) as receiver:
        send(settings(receiver.url), a_report(), QUICK)
    assert len(receiver.received) == 3
    assert len({received.body for received in receiver.received}) == 1
    assert warnings_in(log) == []


def test_a_second_attempt_is_signed_anew() -> None:
    with Receiver(500, 200) as receiver:
        send(settings(receiver.url), a_report(), Timeouts(pause=1.1))
    first, second = (received.headers for received in receiver.received)
    assert int(first["X-Tap-Emag-Timestamp"]) < int(second["X-Tap-Emag-Timestamp"])
    assert first["X-Tap-Emag-Signature"] != second["X-Tap-Emag-Signature"]


def test_three_attempts_are_enough(log: io.StringIO) -> None:
    with Receiver(503) as receiver:
        send(settings(receiver.url), a_report(), QUICK)
    assert len(receiver.received) == 3
    assert warnings_in(log) == [not_told(receiver, "it answered HTTP 503")]


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_refusal_is_taken_at_its_word(status: int, log: io.StringIO) -> None:
    with Receiver(status) as receiver:
        send(settings(receiver.url), a_report(), QUICK)
    assert len(receiver.received) == 1
    assert warnings_in(log) == [not_told(receiver, f"it answered HTTP {status}")]


@pytest.mark.parametrize("status", [302, 307, FLOOD])
def test_a_redirect_is_not_followed(status: int, log: io.StringIO) -> None:
    with Receiver() as other, Receiver(status, location=other.url) as receiver:
        begun = time.monotonic()
        send(settings(receiver.url), a_report(), QUICK)
        assert time.monotonic() - begun < 10
    assert (len(receiver.received), other.received) == (1, [])
    [warning] = warnings_in(log)
    assert warning.endswith("; redirects are not followed")


def test_whoever_hangs_is_not_waited_for(log: io.StringIO) -> None:
    begun = time.monotonic()
    with Receiver(HANG) as receiver:
        send(settings(receiver.url), a_report(), QUICK)
        assert time.monotonic() - begun < QUICK.total
    assert len(receiver.received) > 1
    assert warnings_in(log)[0].startswith(not_told(receiver, "no answer within 0."))


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for(log: io.StringIO) -> None:
    patience = Timeouts(total=0.5)
    begun = time.monotonic()
    with Receiver(TRICKLE) as receiver:
        send(settings(receiver.url), a_report(), patience)
        assert time.monotonic() - begun < 10
    assert warnings_in(log) == [not_told(receiver, "no answer within 0.5 s")]


@pytest.mark.timing
@pytest.mark.parametrize(
    ("patience", "attempts", "seconds"),
    [(PATIENCE, 2, 10), (HURRIED, 1, 2)],
    ids=["usual", "hurried"],
)
def test_a_run_is_kept_no_longer_than_the_page_says(
    patience: Timeouts, attempts: int, seconds: float
) -> None:
    begun = time.monotonic()
    with Receiver(HANG) as receiver:
        send(settings(receiver.url), a_report(), patience)
        assert seconds - 0.1 < time.monotonic() - begun < seconds + 0.7
        assert len(receiver.received) == attempts


def test_where_nobody_listens_it_is_tried_again_and_told(log: io.StringIO) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        send(settings(f"http://{host}{SECRET_PATH}"), a_report(), QUICK)
    assert log.getvalue().count("Starting new HTTP connection") == 3
    [warning] = warnings_in(log)
    assert warning == (
        f"WARNING tap-emag The webhook at {host} did not accept sync_completed:"
        " no connection, or it broke"
    )


def test_a_host_that_cannot_be_is_told_without_the_rest_of_the_address(log: io.StringIO) -> None:
    send(settings(f"http://hooks..example.invalid{SECRET_PATH}"), a_report(), QUICK)
    [warning] = warnings_in(log)
    assert "The webhook at hooks..example.invalid did not accept sync_completed: " in warning
    assert SECRET_PATH not in warning


def test_a_proxy_from_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
        send(settings("http://hooks.example.invalid/told"), a_report())
    assert proxy.received[0].path == "http://hooks.example.invalid/told"


def test_a_proxy_that_is_not_there_is_told(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{taken.getsockname()[1]}")
        send(settings("http://hooks.example.invalid/told"), a_report(), QUICK)
    [warning] = warnings_in(log)
    assert warning.endswith("sync_completed: the proxy did not let it through")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_that_nobody_trusts_is_refused(
    tmp_path: Path, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = a_certificate(tmp_path)
    with Receiver(certificate=certificate) as receiver:
        send(settings(receiver.url), a_report(), QUICK)
        assert receiver.received == []
        reason = "its certificate cannot be verified"
        assert warnings_in(log) == [not_told(receiver, reason)]
        assert log.getvalue().count("Starting new HTTPS connection") == 1
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        send(settings(receiver.url), a_report(), QUICK)
        assert len(receiver.received) == 1


@pytest.mark.parametrize("form", ["json", "slack"])
def test_no_credential_is_in_what_is_told(form: str) -> None:
    with Receiver() as receiver:
        given = settings(
            receiver.url, webhook_format=form, rate_limit_store="postgresql://u:st0re@db/x"
        )
        said = f"seller-7, pa55-word, {SECRET}, st0re, {given.webhook_url}, Basic abc: stopped"
        send(given, a_report("failed", message=said))
    told = json.loads(receiver.received[0].body)
    told = told["text"] if form == "slack" else told["message"]
    assert "stopped" in told
    for secret in ("seller-7", "pa55-word", SECRET, "st0re", "s3cr3tPath"):
        assert secret not in told


@pytest.mark.parametrize("answer", [200, 404, 503, 302, HANG])
def test_no_line_of_a_run_holds_a_secret(answer: int, log: io.StringIO) -> None:
    with Receiver(answer, location="/elsewhere") as receiver:
        url = receiver.url.replace("://", "://me:hush-hush@")
        hide(secrets_of(config(url)))
        send(settings(url), a_report(), QUICK)
    assert receiver.host in log.getvalue()
    for secret in (SECRET, "hush-hush", "s3cr3tPath", "T0V3RY"):
        assert secret not in log.getvalue()


@pytest.mark.parametrize("answer", [200, 404, 503, 302, HANG])
def test_even_unredacted_our_own_lines_name_nothing_but_the_host(
    answer: int, log: io.StringIO
) -> None:
    with Receiver(answer, location="/elsewhere") as receiver:
        url = f"{receiver.url.replace('://', '://me:hush-hush@')}?token=t0ken"
        send(settings(url), a_report(), QUICK)
    [line] = [line for line in log.getvalue().splitlines() if " tap-emag " in line]
    assert receiver.host in line
    for secret in (SECRET, "hush-hush", "s3cr3tPath", "T0V3RY", "t0ken"):
        assert secret not in line


def test_a_report_that_cannot_be_told_fails_no_run(log: io.StringIO) -> None:
    with Receiver() as receiver:
        send(settings(receiver.url), a_report(seconds=1e300), QUICK)
        assert warnings_in(log) == [not_told(receiver, "OverflowError")]


def not_told(receiver: Receiver, reason: str) -> str:
    event = "sync_completed"
    return f"WARNING tap-emag The webhook at {receiver.host} did not accept {event}: {reason}"


def a_certificate(folder: Path) -> Path:
    file = folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command, *names, "-keyout", file, "-out", folder / "public.pem"],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + (folder / "public.pem").read_text())
    return file
