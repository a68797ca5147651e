"""The SDK's own standard tests, for every stream, against a sandbox over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.tap import TapEmag
from tests.support.api import QUICK

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = dict(QUICK)  # the sandbox's address is known when it has started


@pytest.fixture(scope="module", autouse=True)
def sandbox() -> Iterator[Sandbox]:
    config = SandboxConfig(
        orders=150,
        offers=8,
        categories=6,
        localities=30,
        returns=30,
        history_days=60,
        unknown_keys=True,
    )
    with Sandbox(config) as sandbox:
        CONFIG["api_url"] = sandbox.url
        yield sandbox


def every_stream() -> dict[str, Any]:
    """Return the catalog with every stream selected, those too that are off by default."""
    catalog = TapEmag(config={}, validate_config=False, setup_mapper=False).catalog_dict
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = True
    return catalog


# Nothing vanishes here, and nothing is rejected; the SDK's test run has no end to write `syncs` at.
TestTapEmag = get_tap_test_class(
    TapEmag,
    config=CONFIG,
    catalog=every_stream(),
    suite_config=SuiteConfig(
        ignore_no_records_for_streams=["product_deletions", "rejected_rows", "syncs"]
    ),
)
