"""Over a day of runs Prometheus says what happened: rates, quantiles, averages, alerts, dashboard.

One run is killed, one account is refused, the sums are lost once; `day.py` has made it all.
"""

from __future__ import annotations

import bisect
import json
import math
import re
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tap_emag.metrics import definitions as f
from tests.e2e.monitoring.day import BUCKETS, Day
from tests.e2e.monitoring.plan import BEGIN, DAY, HOUR, KILLED, LOST, MINUTE, REFUSED
from tests.e2e.monitoring.programs import program
from tests.e2e.monitoring.servers import prometheus
from tests.repository.test_docs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.e2e.monitoring.servers import Prometheus

END = BEGIN + DAY
LOOKS_BACK = 5 * MINUTE  # Prometheus takes a sample for the present so long
DASHBOARD = json.loads((ROOT / "monitoring/grafana/emag-sync.json").read_text("utf-8"))
ACCOUNTS = ("main", "fbe")
VARIABLES = {
    "$marketplace": ".*",
    "$account_type": ".*",
    "$__rate_interval": "5m",
}


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Day, Prometheus]]:
    folder = tmp_path_factory.mktemp("day")
    path = folder / "day.om"
    with path.open("w", encoding="utf-8") as out:
        day = Day(folder / "state", out)
        day.live()
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    subprocess.run([*command, "--max-block-duration=54h", path, folder / "data"], check=True)
    with prometheus(folder, {}, "--storage.tsdb.retention.time=100y") as server:
        yield day, server


@pytest.fixture
def day(lived: tuple[Day, Prometheus]) -> Day:
    return lived[0]


@pytest.fixture
def server(lived: tuple[Day, Prometheus]) -> Prometheus:
    return lived[1]


def found(server: Prometheus, query: str, *labels: str, at: float = END) -> dict[Any, float]:
    """Return a query's values by some of their labels; zeros are left out."""
    values = server.ask(query, at)
    return {
        tuple(dict(given)[label] for label in labels): value
        for given, value in values.items()
        if value
    }


def test_the_day_holds_what_is_to_be_tested(day: Day) -> None:
    ends = Counter(plan.status for plan in day.plans)
    assert ends.keys() == {"completed", "failed", "timed_out", "refused"}
    assert min(ends.values()) > 5
    assert [plan.begun for plan in day.plans if plan.killed] == [KILLED]
    overlapping = [
        (one, other)
        for one in day.plans
        for other in day.plans
        if one.stream == "products" and other.stream == "orders"
        if one.begun < other.begun < one.ended
    ]
    assert len(overlapping) > 20


def test_what_was_counted_in_a_day_is_what_happened(day: Day, server: Prometheus) -> None:
    for account in ACCOUNTS:
        for stream in BUCKETS:
            rows = f'emag_records_total{{account_type="{account}",stream="{stream}"}}[1d]'
            told = found(server, f"sum by (stream) (increase({rows}))", "stream")
            booked = day.total("rows", account, stream)
            assert told.get((stream,), 0) == pytest.approx(booked, rel=1e-9)
        for bucket in ("orders", "other"):
            waits = f'{{account_type="{account}",operation_type="{bucket}"}}[1d]'
            seconds = server.one(f"increase(emag_rate_limit_wait_seconds_sum{waits})", END)
            assert seconds == pytest.approx(day.total("wait", account, bucket))
            number = server.one(f"increase(emag_rate_limit_wait_seconds_count{waits})", END)
            assert number == pytest.approx(len(list(day.numbers("wait", account, bucket))))


def test_requests_and_rows_are_told_apart(day: Day, server: Prometheus) -> None:
    query = 'increase(emag_api_requests_total{status_code="200"}[1d])'
    told = found(server, query, "account_type", "endpoint")
    booked = Counter(each.what[1:3] for each in day.booked if in_day(each.at) and good(each.what))
    assert told == pytest.approx(dict(booked))
    query = "sum by (account_type, sync_type, action) (increase(emag_rows_met_total[1d]))"
    told = found(server, query, "account_type", "sync_type", "action")
    rows: Counter[tuple[str, ...]] = Counter()
    for each in day.booked:
        if each.what[0] == "met" and in_day(each.at):
            rows[each.what[1:]] += int(each.number)
    assert told == pytest.approx(dict(rows))


def in_day(moment: float) -> bool:
    return 0 < moment <= DAY


def good(what: Sequence[str]) -> bool:
    return what[0] == "request" and what[3] == "200"


def test_each_hour_has_its_own_rows(day: Day, server: Prometheus) -> None:
    query = 'sum(increase(emag_records_total{account_type="main",stream="orders"}[1h]))'
    for hour in range(1, 25):
        told = server.ask(query, BEGIN + hour * HOUR)
        booked = day.total("rows", "main", "orders", after=(hour - 1) * HOUR, until=hour * HOUR)
        if not (hour - 1) * HOUR < LOST <= hour * HOUR:  # there, samples are missing for minutes
            assert told[()] == pytest.approx(booked)


def test_a_killed_run_leaves_what_it_had_added(day: Day, server: Prometheus) -> None:
    [plan] = [plan for plan in day.plans if plan.killed]
    until = KILLED + 30 * MINUTE
    booked = day.total("rows", "main", "products", after=KILLED, until=until)
    assert 0 < booked < sum(rows for _, _, _, rows in plan.pages if rows not in {13, 14})
    rows = 'emag_records_total{account_type="main",stream="products"}'
    told = server.one(f"{rows} - {rows} offset 32m", BEGIN + until + MINUTE)
    assert told == booked
    under_way = 'emag_sync_in_progress{account_type="main",sync_type="products"}'
    assert server.one(under_way, BEGIN + KILLED + 2 * MINUTE) == 1
    assert server.one(under_way, BEGIN + until) == 0


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_quantiles_are_those_of_the_durations(day: Day, server: Prometheus, share: float) -> None:
    for name, what, family in (
        # Of ends that are rare the first is not seen: their counters begin with it.
        ('emag_sync_duration_seconds_bucket{status="completed"}', "completed", f.SYNC_DURATION),
        ("emag_api_request_duration_seconds_bucket", "request", f.REQUEST_DURATION),
        ("emag_rate_limit_wait_seconds_bucket", "wait", f.LIMIT_WAIT),
    ):
        buckets = f"sum by (le, account_type) (increase({name}[1d]))"
        told = found(server, f"histogram_quantile({share}, {buckets})", "account_type")
        for account in ACCOUNTS:
            numbers = list(day.numbers(what, account))
            assert told[(account,)] == pytest.approx(quantile(share, numbers, family.buckets))


def quantile(share: float, numbers: Sequence[float], bounds: Sequence[float]) -> float:
    """Return what can be known of a quantile when only buckets are: somewhere along its bucket."""
    edges = [0.0, *bounds]
    filled = Counter(bisect.bisect_left(bounds, number) for number in numbers)
    rank, below = share * len(numbers), 0
    for place in range(len(bounds)):
        if below + filled[place] >= rank:
            part = (rank - below) / filled[place]
            return edges[place] + part * (edges[place + 1] - edges[place])
        below += filled[place]
    return bounds[-1]


def test_averages_are_those_of_the_durations(day: Day, server: Prometheus) -> None:
    name, good = "emag_sync_duration_seconds", '{status="completed"}'
    query = f"increase({name}_sum{good}[1d]) / increase({name}_count{good}[1d])"
    averages = found(server, query, "account_type", "sync_type")
    assert len(averages) == 5
    for (account, stream), told in averages.items():
        seconds = list(day.numbers("completed", account, stream))
        assert told == pytest.approx(sum(seconds) / len(seconds))


def test_an_alert_of_staleness_is_right_at_each_moment_of_the_day(
    day: Day, server: Prometheus
) -> None:
    fired: Counter[str] = Counter()
    critical, _ = stale = rules("EmagStreamStale")
    for rule in stale:
        told = {
            (each["metric"]["account_type"], each["metric"]["sync_type"], float(at) - BEGIN): value
            for each in server.series(rule["expr"], BEGIN, END, 2 * MINUTE)
            for at, value in each["values"]
        }
        for stream in [name for name in BUCKETS if (name == "orders") == (rule is critical)]:
            limit = 2 * (5 * MINUTE if rule is critical else HOUR)
            for account in ACCOUNTS:
                for moment in range(0, DAY + 1, 2 * MINUTE):
                    if LOST <= moment <= LOST + LOOKS_BACK + 2 * MINUTE:
                        continue
                    last = day.last_success(account, stream, moment)
                    late = last is not None and moment - last > limit
                    value = told.get((account, stream, float(moment)))
                    assert (value is not None) == late, (account, stream, moment)
                    if value is not None and last is not None:
                        assert float(value) == pytest.approx(moment - last, abs=0.01)
                        fired[account, stream] += 1  # type: ignore[index]
    assert fired["fbe", "orders"] > 20  # type: ignore[index]
    assert fired["main", "products"] > 0  # type: ignore[index]


def test_a_refusal_is_told_while_it_lasts(server: Prometheus) -> None:
    [rule] = rules("EmagRefused")
    for minutes, expected in ((-10, {}), (10, {("fbe", "CredentialsError")}), (75, {})):
        at = BEGIN + REFUSED[0] + minutes * MINUTE
        told = found(server, rule["expr"], "account_type", "error_type", at=at)
        assert told.keys() == set(expected)


def test_no_alert_fires_for_the_loss_of_the_sums(server: Prometheus) -> None:
    before = BEGIN + LOST - 2 * MINUTE
    for rule in rules():
        if rule["alert"] != "EmagStreamStale":  # of which each moment was looked at
            names = {frozenset(labels) for labels in server.ask(rule["expr"], before)}
            for minutes in (1, 3, 9, 15, 40):
                at = BEGIN + LOST + minutes * MINUTE
                news = {frozenset(labels) for labels in server.ask(rule["expr"], at)} - names
                assert news == set(), (rule["alert"], minutes)


def rules(name: str | None = None) -> list[dict[str, Any]]:
    text = (ROOT / "monitoring/prometheus/alerts.yml").read_text(encoding="utf-8")
    [group] = yaml.safe_load(text)["groups"]
    recorded = {rule["record"]: rule["expr"] for rule in group["rules"] if "record" in rule}
    found = [rule for rule in group["rules"] if "alert" in rule and name in {None, rule["alert"]}]
    for record, expression in recorded.items():  # this server has loaded no rules
        found = [rule | {"expr": rule["expr"].replace(record, f"({expression})")} for rule in found]
    return found


def queries() -> list[tuple[str, str]]:
    return [
        (f"{panel['title']} {target['refId']}", target["expr"])
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", [])
    ]


@pytest.mark.parametrize(("name", "query"), queries(), ids=[name for name, _ in queries()])
def test_each_query_of_the_dashboard_finds_something(
    server: Prometheus, name: str, query: str
) -> None:
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    assert "$" not in query
    graphs = server.series(query, BEGIN, END, 10 * MINUTE)
    values = [float(value) for graph in graphs for _, value in graph["values"]]
    assert any(math.isfinite(value) for value in values), f"{name}: {query}"


def test_the_dashboard_s_variables_find_their_values(server: Prometheus) -> None:
    expected = {"marketplace": ["emag_ro"], "account_type": ["fbe", "main"]}
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert asked
            match = asked[1].replace("$marketplace", ".*")
            answer = server.get(
                f"label/{asked[2]}/values", **{"match[]": match}, start=BEGIN, end=END
            )
            assert answer["data"] == expected.pop(variable["name"])
    assert expected == {}
