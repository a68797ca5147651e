"""The SDK's own standard tests, for every stream, against a sandbox over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_emag.sandbox import Sandbox, SandboxConfig
from tap_emag.tap import TapEmag
from tests.api import QUICK

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = dict(QUICK)  # the sandbox's address is known when it has started


@pytest.fixture(scope="module", autouse=True)
def sandbox() -> Iterator[Sandbox]:
    config = SandboxConfig(orders=400, offers=150, history_days=60, unknown_keys=True)
    with Sandbox(config) as sandbox:
        CONFIG["api_url"] = sandbox.url
        yield sandbox


# product_deletions has no rows while nothing vanishes.
TestTapEmag = get_tap_test_class(
    TapEmag,
    config=CONFIG,
    suite_config=SuiteConfig(ignore_no_records_for_streams=["product_deletions"]),
)
