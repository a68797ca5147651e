"""`meltano invoke emag-ops:doctor` checks a project with the settings that its runs get."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.meltano_project import MeltanoProject

pytestmark = pytest.mark.meltano

USER, PASSWORD = "someone@shop.example", "a-password-nobody-guesses"
SHOP = SandboxConfig(orders=150, offers=20, history_days=20, username=USER, password=PASSWORD)


def test_a_second_account_is_checked_with_its_own_settings(
    meltano_project: Callable[..., MeltanoProject],
) -> None:
    with Sandbox(SHOP) as shop:
        project = meltano_project(shop.url, username="first", password="not-this-one")
        project.pipeline.environment |= {
            "TAP_EMAG_FBE_USERNAME": USER,
            "TAP_EMAG_FBE_PASSWORD": PASSWORD,
        }
        words = ("invoke", "emag-ops:doctor", "--plugin", "tap-emag-fbe-orders")
        result = project.pipeline.call(*words)
        seen = shop.stats()
    lines = [line.split(maxsplit=1) for line in result.output.splitlines() if line[:2] == "  "]
    found = {words[1].split("  ")[0]: words[0] for words in lines if len(words) > 1}
    assert "emag_ro/fbe" in result.output
    for check in ("user and password", "order", "rma", "bounds of orders", "clock"):
        assert found[check] == "ok", result.output
    for check in ("login", "version", "encryption", "rights"):
        assert found[f"Postgres: {check}"] == "ok", result.output
    assert found["Meltano: database"] == "ok"
    assert "Meltano 4." in result.output
    assert "meltanolabs-target-postgres " in result.output
    assert "No fault found." in result.output
    for hidden in (USER, PASSWORD, "not-this-one", project.postgres.password, str(shop.port)):
        assert hidden not in result.output
    assert seen["requests"] <= 30
    assert seen["rejected"] == 0, "the request budget was kept"


def test_a_loader_s_setting_that_meltano_cannot_read_leaves_all_other_checks(
    meltano_project: Callable[..., MeltanoProject],
) -> None:
    with Sandbox(SHOP) as shop:
        project = meltano_project(shop.url, username="first", password="not-this-one")
        project.pipeline.environment["TARGET_POSTGRES_PORT"] = "54x"
        result = project.pipeline.call("invoke", "emag-ops:doctor", "--json", check=False)
    text = result.output[result.output.index("\n{") :]
    document, _ = json.JSONDecoder().raw_decode(text.strip())
    found = {line["check"]: line["status"] for line in document["checks"]}
    assert result.returncode == 4
    assert found["Postgres: settings"] == "fault", result.output
    assert found["Meltano: database"] == "ok", result.output
