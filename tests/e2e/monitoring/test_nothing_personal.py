"""No metric names a person, an order or a secret, and labels have no more values than are known."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag import errors
from tap_emag.api.rate_limiter import BUCKETS
from tap_emag.metrics.definitions import FAMILIES, LIVE_FAMILIES
from tap_emag.metrics.exporters import JOB
from tap_emag.metrics.totals import Totals
from tap_emag.ops.confirm import LoaderFailedError
from tap_emag.state.store import StateStore
from tap_emag.tap import STREAMS
from tests.e2e.acceptance.test_personal_data import personal_values
from tests.e2e.monitoring.programs import program
from tests.e2e.monitoring.servers import free_port, read, serving
from tests.support.command import Command
from tests.support.stores import totals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.samples import Sample

    from emag_sandbox import Request
    from tap_emag.metrics.totals import Sums

USER, PASSWORD = "someone-at-the-shop", "a-password-nobody-guesses"
GATE_USER, GATE_PASSWORD = "gatekeeper", "another-password-of-nobody"
SHOP = SandboxConfig(
    orders=120,
    offers=6,
    returns=10,
    categories=2,
    localities=4,
    customer_invoices=4,
    invoices=1,
    history_days=30,
    scalars="mixed",
    unknown_keys=True,
    limits=False,
    foreign_awb_share=0.2,
    faults={"500": 0.05, "reset": 0.03},
    username=USER,
    password=PASSWORD,
)
NAMES = {stream.table.name for stream in STREAMS}
ERRORS = {
    name for name, found in vars(errors).items() if isinstance(found, type) and name[0].isupper()
}
KNOWN = {
    "marketplace": {"emag_ro"},
    "account_type": {"main"},
    "sync_type": NAMES,
    "stream": NAMES,
    "table": NAMES,
    "mode": {"full", "incremental"},
    "status": {"completed", "failed", "timed_out"},
    "action": {"created", "updated", "unchanged", "failed"},
    "operation_type": set(BUCKETS),
    "order_type": {"2", "3"},
    "error_type": ERRORS | {LoaderFailedError.__name__},
    "status_code": {"0", "200", "404", "412", "429", "500"},
}


@dataclass
class RunProcess:
    """What left a run, by way; and what must not have."""

    texts: dict[str, str]
    samples: list[Sample]
    endpoints: set[str]
    personal: set[str]
    kept: Sums


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunProcess]:
    folder = tmp_path_factory.mktemp("personal")
    port, textfile = free_port(), folder / "emag.prom"
    gate = f"127.0.0.1:{free_port()}"
    command = [program("pushgateway"), f"--web.listen-address={gate}"]
    ready = f"http://{gate}/metrics"
    with serving(command, ready, folder / "gate.log"), Sandbox(SHOP) as shop:
        served = watched(
            Command(
                folder,
                shop,
                username=USER,
                password=PASSWORD,
                metrics_textfile=str(textfile),
                metrics_port=port,
                pushgateway_url=f"http://{GATE_USER}:{GATE_PASSWORD}@{gate}",
                start_date=f"{datetime.now(timezone.utc) - timedelta(days=31):%Y-%m-%d}",
            ),
            f"http://127.0.0.1:{port}/metrics",
        )
        texts = {
            "textfile": textfile.read_text(encoding="utf-8"),
            "gateway": "\n".join(own(read(ready))),
            "port": served,
            # With letters as they are, not as escapes.
            "store": totals(StateStore(folder / "state")).encode().decode("unicode_escape"),
        }
        found = [
            sample
            for metric in text_string_to_metric_families(texts["textfile"])
            for sample in metric.samples
        ]
        ids = {str(order["id"]) for order in shop.world.orders()}
        ids |= {str(each["emag_id"]) for each in shop.world.returns()}
        yield RunProcess(
            texts,
            found,
            {endpoint_of(request) for request in list(shop.log)},
            personal_values(shop) | ids | {USER, PASSWORD, GATE_USER, GATE_PASSWORD},
            Totals(StateStore(folder / "state")).read(),
        )


def watched(command: Command, url: str) -> str:
    """Let a run come to its end, and return what its port served last."""
    served = ""
    while command.process.poll() is None:
        try:
            served = read(url)
        except OSError:
            continue
        try:
            command.process.wait(0.3)
        except subprocess.TimeoutExpired:
            continue
    ended = command.finish()
    assert ended.code == 0, ended.log
    assert ended.counts["orders"] == SHOP.orders
    assert "emag_" in served
    return served


def endpoint_of(request: Request) -> str:
    """Return the resource that the sandbox was asked for, without ids."""
    return re.sub(r"/\d+", "", f"{request.resource}/{request.action}").rstrip("/")


def own(text: str) -> Iterator[str]:
    """Give the lines of a gateway's answer that a tap has pushed."""
    yield from (line for line in text.splitlines() if f'job="{JOB}"' in line)


def named(text: str, personal: set[str]) -> set[str]:
    """Return which values a text holds, as a word or within quotes.

    Not anywhere: a number of seconds may hold the digits of an id.
    """
    words = set(re.findall(r"[\w@.+-]+", text))
    quoted = " ".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))
    return {value for value in personal if value in words or value in quoted}


def test_there_is_something_to_be_found(seen: RunProcess) -> None:
    assert len(seen.personal) > 200
    assert all("emag_records_total" in text for text in seen.texts.values())
    planted = sorted(seen.personal)[::40]
    lines = [f'emag_sync_errors_total{{error_type="of {value}"}} 1.0' for value in planted]
    assert set(planted) <= named("\n".join(lines), seen.personal)


@pytest.mark.parametrize("way", ["textfile", "gateway", "port", "store"])
def test_nothing_that_names_somebody_leaves(seen: RunProcess, way: str) -> None:
    assert named(seen.texts[way], seen.personal) == set()


def test_labels_have_known_values_only(seen: RunProcess) -> None:
    known = KNOWN | {"endpoint": seen.endpoints}
    bounds = {f"{bound:g}" for family in FAMILIES for bound in family.buckets}
    for sample in seen.samples:
        for name, value in sample.labels.items():
            if name == "le":
                assert value == "+Inf" or f"{float(value):g}" in bounds
            else:
                assert value in known[name], (sample.name, name, value)


def test_no_resource_that_is_told_holds_a_number(seen: RunProcess) -> None:
    told = {each.labels["endpoint"] for each in seen.samples if "endpoint" in each.labels}
    assert len(told) > 10
    assert not [endpoint for endpoint in told if re.search(r"\d", endpoint)]


def test_every_family_s_labels_are_among_these() -> None:
    labels = {label for family in FAMILIES + LIVE_FAMILIES for label in family.labels}
    # `emag-ops` adds the last two: a second or a minute, and Meltano's state ids.
    assert labels == {*KNOWN, "endpoint", "window", "state_id"}


def test_what_is_kept_besides_numbers_tells_nothing_of_the_account(seen: RunProcess) -> None:
    assert seen.kept.running == []
    [where] = seen.kept.accounts.values()
    assert re.fullmatch(r"[0-9a-f]{16}-", where.name)
    assert re.fullmatch(r"[0-9a-f]{16}-", where.budget)
    assert not where.shared
