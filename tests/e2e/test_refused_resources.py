"""One resource that is refused costs its own stream; a caller that is refused costs the run."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.api.admission import Admission
from tap_emag.errors import AddressError, CredentialsError, ForbiddenError, TransientError
from tap_emag.state.store import StateStore
from tests.support.api import client_for
from tests.support.command import run
from tests.support.stores import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS = "orders,products,returns,vat_rates,addresses,invoices,customer_invoices"
REFUSED = {"addresses": "addresses", "rma/read": "returns", "customer-invoice": "customer_invoices"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    config = SandboxConfig(orders=40, offers=12, categories=3, localities=5, limits=False)
    with Sandbox(config) as sandbox:
        yield sandbox


@pytest.fixture
def place(tmp_path: Path) -> dict[str, Any]:
    """Return settings that two runs share, as two jobs of one account do."""
    return {"state_dir": str(tmp_path / "shared")}


def breakers(place: dict[str, Any]) -> list[str]:
    store = StateStore(Path(place["state_dir"]))
    return [name for (name,) in rows(store, "SELECT name FROM circuit_breakers")]


def test_all_other_streams_are_read_and_the_next_job_is_free(
    tmp_path: Path, sandbox: Sandbox, place: dict[str, Any]
) -> None:
    sandbox.set(resource_faults=dict.fromkeys(REFUSED, "403"))
    ended = run(tmp_path / "1", sandbox, streams=STREAMS, **place)
    assert ended.code == 1, ended.log
    assert set(STREAMS.split(",")) - ended.counts.keys() == set(REFUSED.values())
    for stream in REFUSED.values():
        assert f"{stream} was not read completely, the other streams go on" in ended.log
    [line] = ended.critical
    assert "eMAG refuses this resource to the user (HTTP 403) and answers others" in line
    assert breakers(place) == []
    after = run(tmp_path / "2", sandbox, streams="orders", **place)
    assert (after.code, after.counts["orders"]) == (0, 40), after.log


def test_a_job_that_reads_the_refused_resource_only_leaves_the_others_be(
    tmp_path: Path, sandbox: Sandbox, place: dict[str, Any]
) -> None:
    sandbox.set(resource_faults={"addresses": "401"})
    refused = run(tmp_path / "1", sandbox, streams="addresses", **place)
    assert refused.code == 1, refused.log
    assert "leave its streams out of the plugin's `select`" in refused.log
    assert run(tmp_path / "3", sandbox, streams="orders", **place).counts["orders"] == 40


def test_counts_that_are_forbidden_keep_no_row_away(
    tmp_path: Path, sandbox: Sandbox, place: dict[str, Any]
) -> None:
    assert run(tmp_path / "1", sandbox, streams="vat_rates", **place).code == 0
    counts = ("order/count", "product_offer/count")
    sandbox.set(resource_faults=dict.fromkeys(counts, "403"))
    ended = run(tmp_path / "2", sandbox, streams="orders,products", **place)
    assert ended.code == 0, ended.log
    assert (ended.counts["orders"], ended.counts["products"]) == (40, 12)


def test_a_wrong_password_is_the_caller_s_however_well_earlier_runs_went(
    tmp_path: Path, sandbox: Sandbox, place: dict[str, Any]
) -> None:
    assert run(tmp_path / "1", sandbox, streams="orders,vat_rates", **place).code == 0
    sandbox.set(password="another one")
    sandbox.log.clear()
    assert run(tmp_path / "2", sandbox, streams=STREAMS, **place).code == 3
    assert len(list(sandbox.log)) <= 3
    sandbox.log.clear()
    assert run(tmp_path / "3", sandbox, streams=STREAMS, **place).code == 5
    assert list(sandbox.log) == []


def test_a_firewall_s_page_is_not_the_password_s_fault(sandbox: Sandbox) -> None:
    with client_for(sandbox) as client:
        sandbox.set(fail_next=["html403", "html403"])
        assert client.read("order", 1, {"type": 3}).rows
        sandbox.set(resource_faults={"vat": "html403"})
        with pytest.raises(TransientError, match="a firewall or a proxy"):
            client.call("vat/read", {})


@pytest.mark.parametrize(
    ("knobs", "error"),
    [({"password": "x"}, CredentialsError), ({"allowed_ip": False}, AddressError)],
)
def test_a_caller_that_is_refused_in_the_middle_of_a_run_ends_it_at_little_cost(
    sandbox: Sandbox, knobs: dict[str, Any], error: type[Exception]
) -> None:
    with client_for(sandbox) as client, ThreadPoolExecutor(8) as executor:
        client.call("vat/read", {})
        client.count("order", {})
        sandbox.log.clear()
        sandbox.set(**knobs)
        with pytest.raises(error):
            client.read("order", 1, {})
        assert len(list(sandbox.log)) <= 3
        sandbox.log.clear()
        for future in [executor.submit(client.read, "order", 1, {}) for _ in range(8)]:
            with pytest.raises(error):
                future.result()
        assert list(sandbox.log) == []


def test_many_threads_that_meet_a_refused_resource_ask_one_witness(sandbox: Sandbox) -> None:
    with client_for(sandbox) as client, ThreadPoolExecutor(8) as executor:
        client.call("vat/read", {})
        sandbox.set(resource_faults={"order": "403"})
        sandbox.log.clear()
        for future in [executor.submit(client.read, "order", 1, {}) for _ in range(8)]:
            with pytest.raises(ForbiddenError, match="order/read"):
                future.result()
        asked = [request.resource for request in sandbox.log]
        assert (asked.count("vat"), asked.count("order"), len(asked)) == (1, 8, 9)


def test_a_witness_that_meets_a_passing_failure_is_asked_again(sandbox: Sandbox) -> None:
    with client_for(sandbox) as client:
        client.call("vat/read", {})
        sandbox.set(resource_faults={"order": "403", "vat": "500"})
        with pytest.raises(TransientError, match="vat/read"):
            client.read("order", 1, {})
        sandbox.set(resource_faults={"order": "403"})
        with pytest.raises(ForbiddenError):
            client.read("order", 1, {})


def test_a_damaged_memory_of_witnesses_is_an_empty_one(store: StateStore) -> None:
    Admission(store, "one").answered("rma/read", {})
    store.close()
    store.path.write_bytes(b"\0" * 5000)
    refusal, asked = CredentialsError("no"), []

    def ask(name: str, _: object) -> CredentialsError:
        asked.append(name)
        return refusal

    assert Admission(store, "one").judge("order/read", refusal, ask) is refusal
    assert asked == ["vat/read", "handling_time/read"]


def test_three_witnesses_are_remembered(store: StateStore) -> None:
    admission = Admission(store, "one")
    for name in ("order/count", "order/read", "rma/read", "vat/read", "addresses/read"):
        admission.answered(name, {"type": 3})
    kept = rows(store, "SELECT resource, content FROM witnesses ORDER BY rowid")
    assert kept == [(name, '{"type": 3}') for name in ("order/count", "rma/read", "vat/read")]
    asked: list[str] = []
    found = Admission(store, "one").judge(
        "order/count", CredentialsError("no"), lambda name, _: asked.append(name)
    )
    assert isinstance(found, ForbiddenError)
    assert asked == ["rma/read"]


KINDS = ("order/read", "rma/read", "vat/read", "handling_time/read", "addresses/read", "awb/read")


@pytest.mark.parametrize("earlier", [KINDS, KINDS[::-1], KINDS[2:], KINDS[:1], ()])
def test_two_refused_resources_never_pass_for_a_refused_caller(
    store: StateStore, earlier: tuple[str, ...]
) -> None:
    for first, second in itertools.permutations(KINDS, 2):
        account = f"{first} {second}"
        for name in earlier:
            Admission(store, account).answered(name, {})
        refusal, today = CredentialsError("no"), Admission(store, account)

        def ask(name: str, _: object, refused: tuple[str, str] = (first, second)) -> Any:  # noqa: ANN401
            return CredentialsError("no") if name in refused else None

        for refused in (first, second):
            assert isinstance(today.judge(refused, refusal, ask), ForbiddenError)


def test_two_resources_that_are_refused_at_once_fail_their_own_streams_only(
    tmp_path: Path, sandbox: Sandbox, place: dict[str, Any]
) -> None:
    assert run(tmp_path / "1", sandbox, streams="addresses,orders", **place).code == 0
    sandbox.set(resource_faults=dict.fromkeys(("order", "addresses"), "403"))
    ended = run(tmp_path / "2", sandbox, streams="addresses,orders,vat_rates", **place)
    assert (ended.code, breakers(place)) == (1, []), ended.log
    assert ended.counts.keys() >= {"vat_rates"}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("403", "refuses the user (HTTP 403)"),
        ("500", "HTTP 500"),
    ],
)
def test_the_helpers_host_fails_for_its_own_streams_only(
    tmp_path: Path, sandbox: Sandbox, place: dict[str, Any], fault: str, said: str
) -> None:
    sandbox.set(resource_faults={"commission": fault})
    quick = {"breaker_failure_threshold": 3, "retry_max_attempts": 3, **place}
    streams = "orders,products,commissions,vat_rates"
    ended = run(tmp_path / "1", sandbox, streams=streams, **quick)
    assert ended.code == 1, ended.log
    counts = ended.counts
    assert (counts["orders"], counts["products"], counts["commissions"]) == (40, 12, 0)
    assert counts["vat_rates"]
    assert said in ended.log
    assert "commissions was not read completely, the other streams go on" in ended.log
    assert len(breakers(place)) == (fault == "500")
    if fault == "500":
        # The helpers' breaker is open: nothing is asked of them, all else is read.
        [name] = breakers(place)
        assert name.endswith("rest-breaker")
        sandbox.log.clear()
        after = run(tmp_path / "2", sandbox, streams=streams, state=ended.state, **quick)
        assert "no request was made" in after.log
        assert after.code == 1, after.log
        assert "commission" not in {request.resource for request in sandbox.log}


@pytest.mark.parametrize(
    ("stream", "refused"),
    [("orders", ["order"]), ("addresses", ["order", "addresses"]), ("products", ["product_offer"])],
)
def test_a_resource_that_is_asked_for_first_of_all_is_not_the_caller_s_fault(
    tmp_path: Path, sandbox: Sandbox, stream: str, refused: list[str], place: dict[str, Any]
) -> None:
    sandbox.set(resource_faults=dict.fromkeys(refused, "403"))
    ended = run(tmp_path, sandbox, streams=stream, **place)
    assert (ended.code, breakers(place)) == (1, []), ended.log


def test_a_right_to_orders_that_is_taken_away_fails_orders_only(
    tmp_path: Path, sandbox: Sandbox, place: dict[str, Any]
) -> None:
    assert run(tmp_path / "1", sandbox, streams="orders", **place).code == 0
    sandbox.set(resource_faults={"order": "403"})
    ended = run(tmp_path / "2", sandbox, streams="orders", **place)
    assert (ended.code, breakers(place)) == (1, []), ended.log


@pytest.mark.parametrize("stream", ["orders", "products"])
def test_a_count_that_is_refused_while_pages_come_costs_no_row(
    tmp_path: Path, sandbox: Sandbox, stream: str
) -> None:
    sandbox.set(resource_faults={"order/count": "403", "product_offer/count": "403"})
    ended = run(tmp_path, sandbox, streams=stream)
    assert ended.code == 0, ended.log
    assert ended.counts[stream] == {"orders": 40, "products": 12}[stream]
