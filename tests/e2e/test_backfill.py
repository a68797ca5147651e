"""A past range read again through Meltano, beside the running bookmark and without touching it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.meltano_project import MeltanoProject

pytestmark = pytest.mark.meltano
SUFFIX = "dev:tap-emag-orders-to-target-postgres:past"


def test_a_backfill_has_a_bookmark_of_its_own_and_can_be_resumed(
    meltano_project: Callable[..., MeltanoProject],
) -> None:
    # One refusal would end a run that tries once: a busy machine lets requests arrive together.
    config = SandboxConfig(orders=5000, offers=0, history_days=100, type2_share=0, limits=False)
    with Sandbox(config) as sandbox:
        now = sandbox.clock.moment().replace(microsecond=0)
        keys = sandbox.world.order_keys()
        modified = {key: sandbox.world.order(key)["modified"] for key in keys}
        recent, end = now - timedelta(days=10), now - timedelta(days=40)
        project = meltano_project(
            sandbox.url,
            order_types=[3],
            start_date=recent.isoformat(),
            max_concurrent_requests=1,
            retry_max_attempts=1,
            breaker_failure_threshold=1000,
        )
        project.run("tap-emag-orders", "target-postgres")
        running = project.state("dev:tap-emag-orders-to-target-postgres")
        first = project.results.counts()["orders"]
        assert first == sum(at >= recent for at in modified.values())

        project.pipeline.environment |= {
            "TAP_EMAG_START_DATE": (now - timedelta(days=100)).isoformat(),
            "TAP_EMAG_END_DATE": end.isoformat(),
        }
        backfill = ("--state-id-suffix=past", "tap-emag-orders", "target-postgres")
        sandbox.config.fail_next = ["ok"] * 23 + ["500"] * 50  # after the counts of its estimate
        assert project.run(*backfill, check=False).returncode != 0
        begun = project.results.counts()["orders"]
        sandbox.config.fail_next = []
        project.run(*backfill)

        in_range = sum(at <= end for at in modified.values())
        assert first < begun < first + in_range
        assert project.results.counts()["orders"] == first + in_range
        assert project.state("dev:tap-emag-orders-to-target-postgres") == running
        assert project.state(SUFFIX)["bookmarks"]["orders"]["partitions"]
