"""Whatever stands in the settings: all is named that is wrong, or the run can begin."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_emag.errors import ConfigurationError
from tap_emag.readers.calendar import Calendar, text_of
from tap_emag.settings.settings import SETTINGS, Settings
from tap_emag.tap import TapEmag
from tests.fuzz.runs import LONG
from tests.support.command import COMMAND

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = settings(max_examples=20_000 if LONG else 200, deadline=None)
NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
SECRET = "very-secret-word"
NAMES = [setting.name for setting in SETTINGS]
NEARLY: list[Any] = [
    *(
        "http://[",
        "https://a:99999999/",
        "https://[::1",
        "postgresql://[",
        "https://\0",
        "http:///",
    ),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01", "1999-12-31"),
    *(
        "2026-02-30",
        "2026-01-01T25:00",
        "2200-01-01",
        "Europe",
        "Europe/",
        "../x",
        "~nobody/x.prom",
    ),
    *("~", "/", "/\0", "x" * 5000, "1e999", "-0", "nan", "infinity", "0x10", "1_000", " 5 ", "5\n"),
    *(10**400, -1, 0, 1, 2, 3, 5, 1.5, 1e308, float("nan"), float("inf"), True, False),
    *([], [3], [2, 3], [[3]], [{}], {}, {"a": 1}, [None], "3", "[3, 2]", "emag_ro", "main", "json"),
    *("https://example.com", "postgresql://a:b@host/x", "/tmp/x.prom", "127.0.0.1", "2026-01-01"),
]
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.integers() | st.text(), max_size=3)
    | st.sampled_from(NEARLY)
)


def with_one(**values: object) -> bytes:
    """Return settings with one that is wrong; nobody listens where they lead to."""
    good = {"username": "a", "password": SECRET, "api_url": "http://127.0.0.1:9/api-3"}
    return json.dumps({**good, **values}).encode()


@EXAMPLES
@given(st.dictionaries(st.sampled_from(NAMES) | st.text(), VALUES))
def test_any_configuration_is_good_or_refused(given_values: dict[str, Any]) -> None:
    try:
        checked = Settings.from_config(given_values, NOW)
    except ConfigurationError as error:
        assert {problem.partition(":")[0] for problem in error.problems} <= {*NAMES}  # noqa: PT017
        return
    calendar = Calendar(checked.timezone)
    # What the streams do with them first must work.
    assert text_of(calendar.cut_before(calendar.local(checked.start_date) - 1))
    assert checked.end_date is None or calendar.cut_behind(calendar.local(checked.end_date))
    assert checked.rest_url
    assert checked.state_dir.is_absolute()
    assert isinstance(checked.api_identity, str)


@EXAMPLES
@given(st.sampled_from(NAMES), VALUES)
def test_the_tap_takes_a_configuration_or_says_what_is_wrong(name: str, value: object) -> None:
    config = {"username": "demo", "password": SECRET, name: value}
    try:
        TapEmag(config=config, setup_mapper=False)
    except ConfigurationError as error:
        assert error.problems  # noqa: PT017
        assert SECRET not in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"5",
        b'"text"',
        b"{",
        b"\xff\xfe\x00\x00",
        b'{"username": 5, "password": ["very-secret-word"]}',
        with_one(api_url="http://["),
        with_one(start_date="0001-01-01"),
        with_one(settle_seconds=1e999),
        with_one(state_dir="~no_such_user/x"),
        with_one(timezone="Europe/"),
        with_one(order_types=[[]]),
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    ],
)
def test_the_command_refuses_settings_that_cannot_be_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    finished = run("--config", str(tmp_path / "config.json"))
    assert finished.returncode == 2, finished.stderr
    assert "defect" not in finished.stderr
    assert "Traceback" not in finished.stderr
    assert SECRET not in finished.stderr


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TAP_EMAG_")}
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False, env=plain
    )
