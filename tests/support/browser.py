"""A headless Chromium that a test steers over a pipe, with the DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tests.support.command import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM: Final = next((path for name in NAMES if (path := shutil.which(name))), None)
# The protocol's pipes are the descriptors 3 and 4.
START: Final = """
import fcntl, os, sys
[read, write] = (fcntl.fcntl(int(text), fcntl.F_DUPFD, 10) for text in sys.argv[1:3])
os.dup2(read, 3), os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
Json = dict[str, Any]


class Browser:
    """One page in a browser; `complaints` and `requests` are what it has reported so far."""

    def __init__(self, to: int, come_from: int) -> None:
        self._to, self._from = to, come_from
        self._number, self._rest = 0, b""
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def open(self, page: Path, *, width: int, scheme: str = "light") -> None:
        """Open a file on a screen of a width in CSS pixels, in a light or dark scheme."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 640,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", features=features)
        self._call("Page.navigate", url=page.as_uri())
        self.wait("document.readyState === 'complete'")

    def run(self, script: str) -> Any:  # noqa: ANN401 - what the script returns
        """Return the value of an expression."""
        done = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, script: str) -> Any:  # noqa: ANN401 - likewise
        """Return the value of an expression once it is true."""
        end = time.monotonic() + PATIENCE
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"did not come about: {script}"
            time.sleep(0.05)
        return value

    def picture(self, path: Path) -> None:
        """Write a picture of all of the page."""
        size = self._call("Page.getLayoutMetrics")["cssContentSize"]
        shown = self._call(
            "Page.captureScreenshot", captureBeyondViewport=True, clip={**size, "scale": 1}
        )
        path.write_bytes(base64.b64decode(shown["data"]))

    def _call(self, method: str, **parameters: Any) -> Json:  # noqa: ANN401 - many types
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            come = self._next()
            if come.get("id") == self._number:
                assert "error" not in come, come["error"]
                result: Json = come["result"]
                return result
            self._note(come)

    def _next(self) -> Json:
        while b"\0" not in self._rest:
            part = os.read(self._from, 1 << 16)
            assert part, "the browser has ended"
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        message: Json = json.loads(text)
        return message

    def _note(self, message: Json) -> None:
        method, given = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(given["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and given["type"] in (
            "error",
            "warning",
            "assert",
        ):
            self.complaints.append(json.dumps(given["args"]))
        elif method == "Log.entryAdded" and given["entry"]["level"] in ("error", "warning"):
            self.complaints.append(given["entry"]["text"])


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start a Chromium whose profile is in a folder."""
    assert CHROMIUM
    read_theirs, write_ours = os.pipe()
    read_ours, write_theirs = os.pipe()
    command = [
        *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        *("--disable-dev-shm-usage", f"--user-data-dir={folder}", "--remote-debugging-pipe"),
    ]
    with subprocess.Popen(
        [sys.executable, "-c", START, str(read_theirs), str(write_theirs), *command],
        pass_fds=(read_theirs, write_theirs),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(read_theirs)
        os.close(write_theirs)
        try:
            yield Browser(write_ours, read_ours)
        finally:
            process.terminate()
            process.wait(PATIENCE)
            os.close(write_ours)
            os.close(read_ours)
