"""Settings reach the tap through Meltano, from the environment as `.env` would give them."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.settings.settings import SETTINGS
from tests.e2e.acceptance.comparison import differences
from tests.e2e.acceptance.truth import ORDER_TABLES, Truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.acceptance.conftest import Place
    from tests.support.meltano_project import MeltanoProject

pytestmark = pytest.mark.meltano

NOW = datetime(2025, 11, 10, 12, 0, tzinfo=timezone.utc)
BUDGET = 12  # order requests a second
MISSED = 0.3  # seconds


def test_a_share_of_the_budget_with_a_fraction_is_kept(new_place: Callable[[], Place]) -> None:
    place = new_place()
    with Sandbox(SandboxConfig(orders=300, offers=20, history_days=60, clock=NOW)) as shop:
        place.load(shop, rate_limit_share="0.5", request_timeout_seconds="7.5")
        truth = Truth.of(shop.world)
        times = [request.time for request in shop.log if request.bucket == "orders"]
    assert differences(place.database, truth, ORDER_TABLES) == []
    assert len(times) > BUDGET / 2
    # Slots lie a sixth of a second apart. One that was missed by a moment may still be used, so the
    # first and last request may be drawn together by as much.
    assert times[-1] - times[0] >= (len(times) - 1) / (BUDGET / 2) - MISSED


# A wrong value for every setting that has one; secrets and file names have none, or are not text.
WRONG = {
    "marketplace": "emag_pl",
    "account_type": "Main shop",
    "api_url": "marketplace-api.emag.ro",
    "timezone": "Bucharest",
    "start_date": "01.02.2026",
    "end_date": "02/03/2026",
    "order_types": "3",
    "category_language": "fr",
    "locality_countries": "RO",
    "rate_limit_store": "redis://host",
    "rate_limit_scope": "host",
    "state_dir": "here/below",
    "metrics_textfile": "tap.txt",
    "metrics_address": "host",
    "pushgateway_url": "localhost:9091",
    "webhook_url": "no address",
    "webhook_secret": "whsec_abc",
    "webhook_format": "teams",
    "log_format": "xml",
    "allow_mass_deletion": "yes",
    "allow_second_pipeline": "yes",
    **{setting.name: "abc" for setting in SETTINGS if setting.kind.name in {"integer", "number"}},
}


def test_each_wrong_value_is_told_in_one_line_with_what_to_write(
    meltano_project: Callable[..., MeltanoProject],
) -> None:
    project = meltano_project("http://127.0.0.1:9", **WRONG)
    ended = project.run("tap-emag", "target-postgres", check=False)
    assert ended.returncode == 1
    assert "Traceback" not in ended.output
    for name in WRONG:
        [problem] = {
            found[1]
            for line in ended.output.splitlines()
            if (found := re.search(rf"(?<!\S){name}: (.+)", line))
        }
        assert re.search("; (write|use) ", problem), name


def test_each_account_s_missing_password_is_told_by_its_variable(
    meltano_project: Callable[..., MeltanoProject],
) -> None:
    project = meltano_project("http://127.0.0.1:9")
    ended = project.pipeline.call("invoke", "tap-emag-fbe-orders", check=False)
    assert ended.returncode == 2
    assert "password: is missing; set it, or TAP_EMAG_FBE_PASSWORD" in ended.output


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("p$a#b", "p$a#b"),
        ("p #b", "p"),
        ("'p $a #b \"c\" \\n'", 'p $a #b "c" \\n'),
        ("'it\\'s'", "it's"),
        ("'p${NO_SUCH_NAME}'", "p"),
    ],
)
def test_values_are_read_from_the_file_as_the_page_says(
    tmp_path: Path, written: str, read: str
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"TAP_EMAG_PASSWORD={written}\n")
    # What Meltano reads `.env` with.
    assert dotenv_values(file) == {"TAP_EMAG_PASSWORD": read}
