"""A small shop whose clock stands still, and a hand to ask it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
import requests

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = datetime(2026, 11, 10, 12, 0, tzinfo=timezone.utc)


@pytest.fixture
def open_shop() -> Iterator[Callable[..., Sandbox]]:
    """Opens sandboxes with some knobs turned, and closes them after the test."""
    opened: list[Sandbox] = []

    def open_one(**knobs: Any) -> Sandbox:  # noqa: ANN401 - whatever the knob takes
        small: dict[str, Any] = {
            "orders": 300,
            "offers": 60,
            "clock": NOW,
            "clock_speed": 0.0,
            "limits": False,
            "bounds": "closed",
        }
        sandbox = Sandbox(SandboxConfig(**{**small, **knobs}))
        sandbox.start()
        opened.append(sandbox)
        return sandbox

    yield open_one
    for sandbox in opened:
        sandbox.stop()


@pytest.fixture
def shop(open_shop: Callable[..., Sandbox]) -> Sandbox:
    """A sandbox with nothing unusual about it."""
    return open_shop()


@pytest.fixture
def ask() -> Callable[..., requests.Response]:
    """Sends one request to a sandbox: `ask(sandbox, "order/read", currentPage=2)`."""

    def post(sandbox: Sandbox, path: str, **body: object) -> requests.Response:
        url = f"{sandbox.url}/{path}"
        return requests.post(url, json=body, auth=("demo", "demo"), timeout=60)

    return post


@pytest.fixture
def read_all(ask: Callable[..., requests.Response]) -> Callable[..., list[dict[str, Any]]]:
    """Reads all pages of a resource, decimals left as text."""

    def read(sandbox: Sandbox, resource: str, **filters: object) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for page in range(1, 1000):
            reply = ask(sandbox, f"{resource}/read", currentPage=page, **filters)
            found = reply.json(parse_float=str)
            assert found["isError"] is False, found["messages"]
            rows += found["results"]
            if len(found["results"]) < 100:
                break
        return rows

    return read
