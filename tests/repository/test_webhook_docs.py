"""What docs/webhooks.md shows is what arrives, and what it tells to run works."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks.webhooks import Webhook

from tap_emag.reporting.webhook import send
from tests.support.receiver import Receiver
from tests.support.reports import DOCS, VALIDATOR, a_report
from tests.unit.reporting.test_webhook import SECRET, settings
from tests.unit.reporting.test_webhook_json import TOLD_TO_SLACK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.receiver import Received

PAGE = (DOCS / "webhooks.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", PAGE)
    return [text for given, text in found if given == language]


@pytest.fixture
def received() -> Received:
    """A message that was really sent."""
    with Receiver() as receiver:
        send(settings(receiver.url), a_report("timed_out"))
    return receiver.received[0]


def test_the_message_it_shows_is_one_that_was_sent(received: Received) -> None:
    [shown] = map(json.loads, blocks("json"))
    VALIDATOR.validate(shown)
    assert shown == {**json.loads(received.body), "id": shown["id"]}


def test_the_slack_message_it_shows_is_the_one_that_is_sent() -> None:
    assert f"{TOLD_TO_SLACK}\n" in blocks("")


def test_it_names_every_header_of_ours(received: Received) -> None:
    ours = {name for name in received.headers if name.lower().startswith(("x-tap", "webhook-"))}
    assert set(re.findall(r"^\| `((?:X|webhook)-[\w-]+)`", PAGE, re.MULTILINE)) == ours


def test_its_python_tells_genuine_messages_from_others(received: Received) -> None:
    space: dict[str, Any] = {}
    [code] = blocks("python")
    exec(code, space)
    headers = received.headers
    stamp, sign = headers["X-Tap-Emag-Timestamp"], headers["X-Tap-Emag-Signature"]
    assert space["genuine"](SECRET, stamp, received.body, sign)
    assert not space["genuine"](SECRET, str(int(stamp) + 1), received.body, sign)
    assert not space["genuine"](SECRET, stamp, received.body + b" ", sign)
    assert not space["genuine"]("other", stamp, received.body, sign)


def test_its_shell_command_prints_the_signature(received: Received, tmp_path: Path) -> None:
    [command] = [block for block in blocks("bash") if block.startswith("{ printf")]
    (tmp_path / "body.json").write_bytes(received.body)
    given = {"TIMESTAMP": received.headers["X-Tap-Emag-Timestamp"], "SECRET": SECRET}
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=tmp_path,
        env={**given, "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"sha256={done.stdout.split()[0]}" == received.headers["X-Tap-Emag-Signature"]


def shell(command: str, **given: str) -> str:
    """Return what a shell command of the page prints, without the end of its line."""
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env={**given, "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.rstrip("\n")


def test_its_standard_secret_is_one_that_tap_and_library_take() -> None:
    [create] = [block for block in blocks("bash") if block.startswith('echo "whsec_')]
    [verify] = [block for block in blocks("py") if "standardwebhooks" in block]
    secret = shell(create)
    with Receiver() as receiver:
        send(settings(receiver.url, webhook_secret=secret), a_report())
    [received] = receiver.received
    space = {"secret": secret, "body": received.body, "headers": received.headers}
    exec(verify, space)
    assert space["message"] == json.loads(received.body)


def test_its_command_writes_another_secret_as_the_library_expects_it(received: Received) -> None:
    [command] = [block for block in blocks("bash") if block.startswith("printf 'whsec_'")]
    Webhook(shell(command, SECRET=SECRET)).verify(received.body, dict(received.headers))


def test_its_receiver_shows_what_arrives(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    [code] = [block for block in blocks("py") if "BaseHTTPRequestHandler" in block]
    (tmp_path / "receiver.py").write_text(code.replace("8000", str(port)))
    with subprocess.Popen(
        [sys.executable, "receiver.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        _wait_for(port)
        send(settings(f"http://127.0.0.1:{port}"), a_report())
        process.terminate()
        shown = process.stdout.read() if process.stdout else ""
    assert "X-Tap-Emag-Event: sync_completed\n" in shown
    assert '"event": "sync_completed"' in shown


def _wait_for(port: int) -> None:
    """Wait until somebody listens."""
    latest = time.monotonic() + 120
    while time.monotonic() < latest:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("nobody listens")
