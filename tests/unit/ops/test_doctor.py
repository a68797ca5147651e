"""`emag-ops doctor` reports how eMAG answers, in at most 30 requests and without personal data."""

from __future__ import annotations

import json
import socket
from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.config import BUILT_IN
from tap_emag.ops.cli import run
from tap_emag.ops.doctor.prober import MOST_REQUESTS, MOST_THROTTLED
from tests.e2e.acceptance.test_personal_data import personal_values
from tests.support.unlimited import no_budgets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

USER, PASSWORD = "someone@shop.example", "a-password-nobody-guesses"
SHOP = SandboxConfig(
    orders=600,
    offers=120,
    returns=40,
    categories=6,
    localities=12,
    invoices=30,
    customer_invoices=12,
    history_days=70,
    limits=False,
    username=USER,
    password=PASSWORD,
)
FAULTY = 4


@pytest.fixture(scope="module")
def only_shop() -> Iterator[Sandbox]:
    with Sandbox(SHOP) as shop, no_budgets():
        shop.world.burst(3)
        yield shop


@pytest.fixture
def shop(only_shop: Sandbox) -> Sandbox:
    """The shop with its usual knobs."""
    usual = {each.name: getattr(SHOP, each.name) for each in fields(SHOP)}
    only_shop.set(**{name: value for name, value in usual.items() if name not in BUILT_IN})
    only_shop.log.clear()
    return only_shop


@dataclass
class Found:
    """A report: its exit code, its lines by check, and all of its text."""

    code: int
    lines: dict[str, dict[str, str]]
    counts: dict[str, int]
    requests: int
    text: str

    def status(self, check: str) -> str:
        return self.lines[check]["status"]

    def __getitem__(self, check: str) -> str:
        line = self.lines[check]
        return f"{line['status']}: {line['text']}"


@pytest.fixture
def doctor(
    shop: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Found]:
    """Examine the shop with knobs, and with other settings of the tap."""

    def examine(settings: dict[str, Any] | None = None, **knobs: object) -> Found:
        shop.set(**knobs)
        given = {
            "username": USER,
            "password": PASSWORD,
            "api_url": shop.url,
            "state_dir": str(tmp_path / "state"),
            "retry_wait_min_seconds": 0,
            **(settings or {}),
        }
        path = tmp_path / "config.json"
        path.write_text(json.dumps(given))
        code = run(["doctor", "--config", str(path), "--json"])
        text = capsys.readouterr().out
        document = json.loads(text)
        lines = {line["check"]: line for line in document["checks"]}
        assert len(lines) == len(document["checks"]), "each check has one line"
        assert document["requests"] <= MOST_REQUESTS
        assert len(shop.log) <= MOST_REQUESTS
        return Found(code, lines, document["counts"], document["requests"], text)

    return examine


def test_a_good_account_has_no_fault(shop: Sandbox, doctor: Callable[..., Found]) -> None:
    found = doctor()
    assert (found.code, found.counts["fault"], found.counts["warning"]) == (0, 0, 0)
    for check in (
        *("versions", "state_dir", "locks", "disk of state_dir", "settings", "circuit breaker"),
        *("request budget", "address", "IP address", "user and password", "order", "time zone"),
        *("type: default of reads", "type: default of counts", "sort order of orders"),
        *("page size of orders", "bounds of orders", "count of orders", "type: a list"),
        *("page of 1,000 orders", "span beyond a month", "page number 65,535", "product_offer"),
        *("rma", "rma/count", "type: default of returns", "bounds of returns", "awb", "vat"),
        *("unit of vat_rate", "handling_time", "courier_accounts", "addresses", "category"),
        *("locality", "invoice/categories", "invoice", "customer-invoice", "bounds of invoices"),
        *("envelope of invoice", "amounts of invoice", "unknown keys", "values of another type"),
        *(
            "order/volumetry",
            "awb/package",
            "bound of localities",
            "clock",
            "limits seen",
            "failed replies",
        ),
    ):
        assert found.status(check) == "ok", found[check]
    assert found.requests == len(shop.log)
    assert "x-ratelimit-limit-3second: 1" in found["limits seen"]
    assert found["time zone"].startswith("ok: Europe/Bucharest is plausible")


@pytest.mark.parametrize(
    ("bounds", "first", "last"),
    [
        ("closed", "includes", "includes"),
        ("open", "excludes", "excludes"),
        ("half", "includes", "excludes"),
        ("half_upper", "excludes", "includes"),
    ],
)
def test_bounds_are_open_or_closed(
    doctor: Callable[..., Found], bounds: str, first: str, last: str
) -> None:
    found = doctor(bounds=bounds)
    told = f"`modifiedAfter` {first} its own time, `modifiedBefore` {last} its own time"
    assert told in found["bounds of orders"]
    for check in ("bounds of returns", "bounds of invoices"):
        assert f"`date_start` {first} its own time, `date_end` {last} its own" in found[check]
    assert found["bound of localities"].startswith(f"ok: `modified` {first} its own time")
    assert found.code == 0


def test_bounds_as_documented_differ_by_resource(doctor: Callable[..., Found]) -> None:
    found = doctor(bounds="documented", default_count_type=None)
    assert (
        "`modifiedAfter` excludes its own time, `modifiedBefore` excl" in found["bounds of orders"]
    )
    assert "`date_start` includes its own time, `date_end` excludes" in found["bounds of returns"]
    assert "`date_start` excludes its own time, `date_end` excludes" in found["bounds of invoices"]
    assert "`modified` excludes its own time" in found["bound of localities"]
    assert found["type: default of counts"].startswith("ok: both types: ")


@pytest.mark.parametrize(
    ("sort", "told"),
    [
        ("id_asc", "id, rising"),
        ("id_desc", "id, falling"),
        ("modified_asc", "modified, rising"),
        ("modified_desc", "modified, falling"),
        ("arbitrary", "neither by id nor by modified"),
    ],
)
def test_the_sort_order_is_named(doctor: Callable[..., Found], sort: str, told: str) -> None:
    found = doctor(sort=sort)
    assert told in found["sort order of orders"]
    assert found.code == 0


@pytest.mark.parametrize(
    ("default", "told"),
    [(2, "type 2: "), (3, "type 3: "), (None, "both types: ")],
)
def test_default_types_are_named(
    doctor: Callable[..., Found], default: int | None, told: str
) -> None:
    found = doctor(default_type=default, default_count_type=default, default_return_type=default)
    checks = ["type: default of reads", "type: default of counts", "type: default of returns"]
    assert [found[check].startswith(f"ok: {told}") for check in checks] == [True] * 3
    assert found.code == 0


@pytest.mark.parametrize(("cap", "status"), [(50, "ok"), (10, "warning")])
def test_a_smaller_page_is_named(doctor: Callable[..., Found], cap: int, status: str) -> None:
    found = doctor(page_caps=[cap])
    for check in ("page size of orders", "page size of offers"):
        assert found[check].startswith(f"{status}: {cap} rows, although 100 were asked for")


def test_a_refused_large_page_is_named(doctor: Callable[..., Found]) -> None:
    assert doctor(page_limit_mode="refuse")["page of 1,000 orders"].startswith("ok: refused")


def test_counts_that_are_off_are_named(doctor: Callable[..., Found]) -> None:
    found = doctor(count_mode="stale", count_offset=3)
    assert found.status("count of orders") == "warning"
    assert found.code == 0


def test_counts_that_fail_leave_all_other_checks(doctor: Callable[..., Found]) -> None:
    found = doctor(count_faults={"order": "500"})
    assert found.status("order/count") == "warning"
    assert found.status("count of orders") == "skipped"
    assert found.status("sort order of orders") == found.status("awb/package") == "ok"


def test_a_wrong_password_costs_three_requests(shop: Sandbox, doctor: Callable[..., Found]) -> None:
    found = doctor({"password": "another-word"})
    assert found.code == FAULTY
    assert found.status("user and password") == "fault"
    assert "TAP_EMAG_PASSWORD" in found.lines["user and password"]["remedy"]
    assert found.requests == len(shop.log) == 3
    shop.log.clear()
    assert doctor()["user and password"].startswith("ok"), "no circuit breaker was opened"


def test_an_unregistered_address_is_a_fault_and_not_shown(doctor: Callable[..., Found]) -> None:
    found = doctor(allowed_ip=False)
    assert (found.code, found.requests) == (FAULTY, 1)
    assert found.status("IP address") == "fault"
    assert "Technical details" in found.lines["IP address"]["remedy"]
    assert "127.0.0.1" not in found.text


@pytest.mark.parametrize(("error", "status"), [(30, "ok"), (120, "warning"), (10_800, "fault")])
@pytest.mark.parametrize("side", ["ahead", "behind"])
def test_a_clock_that_is_off_is_named(
    doctor: Callable[..., Found], side: str, error: float, status: str
) -> None:
    found = doctor(dates={side: 1}, date_error=error)
    assert found.status("clock") == status, found["clock"]
    who = "eMAG's is" if side == "ahead" else "this machine's is"
    assert found["clock"].startswith(f"{status}: {who}")
    assert (found.code == FAULTY) is (status == "fault")
    if status == "fault":
        assert found.status("time zone") == "skipped"


def test_without_dates_the_clock_is_in_doubt(doctor: Callable[..., Found]) -> None:
    assert doctor(dates={"absent": 1}).status("clock") == "warning"


@pytest.mark.parametrize(
    ("zone", "status"), [("Europe/Lisbon", "fault"), ("Asia/Dubai", "skipped")]
)
def test_a_wrong_zone_is_named(doctor: Callable[..., Found], zone: str, status: str) -> None:
    assert doctor({"timezone": zone}).status("time zone") == status


def test_unknown_keys_are_named(doctor: Callable[..., Found]) -> None:
    found = doctor(unknown_keys=True, unknown_key="freshly_baked")
    assert found.status("unknown keys") == "warning"
    assert "orders: 'freshly_baked'" in found["unknown keys"]
    assert found.code == 0


def test_codes_without_a_name_are_counted_by_column(doctor: Callable[..., Found]) -> None:
    addresses = [{"address_id": str(number), "address_type_id": 70 + number} for number in range(3)]
    found = doctor(rows={"addresses": addresses, "courier_accounts": []})
    assert "address_type_id of addresses: 3" in found["codes without a name"]


def test_a_key_that_names_a_person_is_masked(doctor: Callable[..., Found]) -> None:
    found = doctor(unknown_keys=True, unknown_key="ana.pop@mail.example 0722123456")
    assert found.status("unknown keys") == "warning"
    assert "ana.pop" not in found.text
    assert "0722123456" not in found.text


def test_a_refused_resource_is_a_fault_and_the_others_are_checked(
    doctor: Callable[..., Found],
) -> None:
    found = doctor(resource_faults={"invoice": "403"})
    assert found.status("invoice") == "fault"
    assert "Ask eMAG for the right to it" in found.lines["invoice"]["remedy"]
    assert found.status("customer-invoice") == found.status("rma") == "ok"
    assert found.code == FAULTY


@pytest.mark.parametrize(
    ("resource", "status"), [("order/volumetry", "warning"), ("awb/package", "fault")]
)
def test_a_refused_resource_that_is_off_by_default_is_a_warning(
    doctor: Callable[..., Found], resource: str, status: str
) -> None:
    assert doctor(resource_faults={resource: "403"}).status(resource) == status


def test_refusals_by_rate_end_the_requests(shop: Sandbox, doctor: Callable[..., Found]) -> None:
    found = doctor(fail_next=["ok", *["429"] * 40], retry_after=0)
    assert found.requests == 1 + MOST_THROTTLED
    assert Counter(each.status for each in shop.log) == {200: 1, 429: MOST_THROTTLED}
    assert found.status("limits seen") == "warning"
    assert "rate_limit_share" in found.lines["limits seen"]["remedy"]


def test_a_failure_is_tried_again_once(doctor: Callable[..., Found]) -> None:
    found = doctor(fail_next=["500", "ok"])
    assert found.status("user and password") == "ok"
    assert found["failed replies"].startswith("warning: 1 of 500")


@pytest.mark.parametrize("fault", ["500", "html200", "reset"])
def test_a_host_that_only_fails_gets_few_requests(doctor: Callable[..., Found], fault: str) -> None:
    found = doctor(faults={fault: 1})
    assert found.code == FAULTY
    assert found.requests <= 2


@pytest.mark.parametrize("fault", ["500", "404", "truncated"])
def test_failures_here_and_there_keep_to_the_limit(
    doctor: Callable[..., Found], fault: str
) -> None:
    found = doctor(faults={fault: 0.3}, fail_next=["ok"])
    assert found.requests <= MOST_REQUESTS


@pytest.mark.parametrize("knobs", [{"invoice_envelope": "bare"}, {"invoice_envelope": "list"}])
def test_the_envelope_of_invoices_is_named(
    doctor: Callable[..., Found], knobs: dict[str, str]
) -> None:
    found = doctor(**knobs)
    told = "total_results" if knobs["invoice_envelope"] == "bare" else "results: a list of 30"
    assert told in found["envelope of invoice"]
    assert found.status("bounds of invoices") == "ok"


def test_ignored_filters_are_a_fault(doctor: Callable[..., Found]) -> None:
    ignored = ["order.modifiedAfter", "order.modifiedBefore"]
    found = doctor(ignored_filters=ignored)
    assert "the filters are ignored" in found["bounds of orders"]
    assert found.code == FAULTY


def test_nothing_personal_is_in_any_report(
    shop: Sandbox, doctor: Callable[..., Found], tmp_path: Path
) -> None:
    for knobs in (
        {"unknown_keys": True, "scalars": "strings"},
        {"scalars": "native", "sort": "arbitrary", "bounds": "open", "nul_bytes": True},
        {"resource_faults": {"rma": "403", "invoice": "404"}, "default_type": None},
        {"fail_next": ["is_error"] * 3, "refusal_text": "Customer: Ana Pop, 0722 123 456"},
    ):
        shop.set(**{name: getattr(SHOP, name) for name in ("scalars", "resource_faults", "sort")})
        shop.log.clear()
        text = doctor(**knobs).text
        ids = {str(row[name]) for row in shop.world.orders() for name in ("id",)}
        ids |= {str(row["emag_id"]) for row in shop.world.returns()}
        for value in (*personal_values(shop), *ids, USER, PASSWORD, str(tmp_path), "127.0.0.1"):
            assert value not in text
        assert "Ana Pop" not in text


def test_a_wrong_setting_is_a_fault_without_a_request(
    shop: Sandbox, doctor: Callable[..., Found]
) -> None:
    found = doctor({"start_date": "01.02.2026", "marketplace": "emag_pl"})
    assert found.status("setting start_date") == found.status("setting marketplace") == "fault"
    assert (found.code, found.requests, len(shop.log)) == (FAULTY, 0, 0)


def test_a_host_that_does_not_answer_is_a_fault(doctor: Callable[..., Found]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/api-3"
        found = doctor({"api_url": url})
    assert found.status("address") == "fault"
    assert url not in found.text
    assert found.code == FAULTY


def test_an_address_with_a_wrong_path_costs_two_requests(
    shop: Sandbox, doctor: Callable[..., Found]
) -> None:
    found = doctor({"api_url": f"{shop.url}/api-3"})
    assert found.status("first request") == "fault"
    assert "Check `api_url` and `marketplace`" in found.lines["first request"]["remedy"]
    assert (found.code, found.requests) == (FAULTY, 2)


def test_what_is_left_after_30_requests_is_skipped(doctor: Callable[..., Found]) -> None:
    refused = dict.fromkeys(("category", "handling_time", "addresses", "courier_accounts"), "403")
    found = doctor(resource_faults=refused)
    assert found.requests == MOST_REQUESTS
    for check in ("order/volumetry", "bound of localities"):
        assert found[check] == "skipped: not asked: the doctor sends at most 30 requests"


def test_a_state_folder_that_cannot_be_used_is_a_fault(
    doctor: Callable[..., Found], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    found = doctor({"state_dir": str(tmp_path / "file" / "state")})
    assert found.status("state_dir") == "fault"
    assert (found.code, found.requests) == (FAULTY, 0)
    assert str(tmp_path) not in found.text


def test_an_empty_shop_has_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nothing = SandboxConfig(
        orders=0,
        offers=0,
        returns=0,
        categories=0,
        localities=0,
        invoices=0,
        customer_invoices=0,
        limits=False,
    )
    path = tmp_path / "config.json"
    with Sandbox(nothing) as shop, no_budgets():
        given = {"username": "demo", "password": "demo", "api_url": shop.url}
        path.write_text(json.dumps({**given, "state_dir": str(tmp_path / "state")}))
        assert run(["doctor", "--config", str(path)]) == 0
    text = capsys.readouterr().out
    assert "No fault found." in text
    assert "skipped  sort order of orders" in text


def test_a_fault_shows_its_remedy_below_it(
    shop: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.json"
    given = {"username": USER, "password": "wrong-word", "api_url": shop.url}
    path.write_text(json.dumps({**given, "state_dir": str(tmp_path / "state")}))
    assert run(["doctor", "--config", str(path)]) == FAULTY
    lines = capsys.readouterr().out.splitlines()
    [place] = [number for number, line in enumerate(lines) if line.startswith("  fault ")]
    assert lines[place].split()[1:4] == ["user", "and", "password"]
    assert lines[place + 1].strip().startswith("-> Check `username`, `password`")
    assert lines[-1].endswith("1 fault, 1 skipped; 3 requests to eMAG.")


@pytest.mark.parametrize("content", [None, "[]", "{"])
def test_a_file_that_is_no_object_is_told(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    assert run(["doctor", "--config", str(path)]) == 2
