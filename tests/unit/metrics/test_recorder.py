"""Each metric has the name, labels and buckets that dashboards rely on, and counts what it says."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from tap_emag.errors import StallError, TransientError
from tap_emag.metrics import Recorder
from tap_emag.metrics.definitions import FAMILIES
from tap_emag.metrics.exporters import metrics_of
from tap_emag.metrics.totals import Sums
from tap_emag.settings.account import Account

ESTABLISHED = {
    "emag_sync_duration_seconds": ("histogram", "account_type sync_type mode status"),
    "emag_sync_products_total": ("counter", "account_type action"),
    "emag_sync_errors_total": ("counter", "account_type sync_type error_type"),
    "emag_api_requests_total": ("counter", "account_type endpoint status_code"),
    "emag_api_request_duration_seconds": ("histogram", "account_type endpoint"),
    "emag_rate_limit_hits_total": ("counter", "account_type operation_type"),
    "emag_rate_limit_wait_seconds": ("histogram", "account_type operation_type"),
    "emag_sync_in_progress": ("gauge", "account_type sync_type"),
    "emag_products_count": ("gauge", "account_type"),
    "emag_sync_timeouts_total": ("counter", "account_type sync_type"),
}


def counts() -> Recorder:
    return Recorder(Account("emag_ro", "main"))


def sampled(counted: Recorder) -> dict[str, float]:
    """Return samples as Prometheus reads them: `name{label="value",…}` and number."""
    values = dict(counted.samples(("counter", "histogram", "gauge")))
    lines: dict[str, float] = {}
    for metric in metrics_of(Sums(values)):
        for sample in metric.samples:
            pairs = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            lines[f"{sample.name}{{{pairs}}}"] = sample.value
    return lines


def test_the_established_ten_keep_names_kinds_and_labels() -> None:
    declared = {family.name: (family.kind, " ".join(family.labels)) for family in FAMILIES}
    assert {name: declared[name] for name in ESTABLISHED} == ESTABLISHED
    bounds = {f.name: (f.buckets[0], f.buckets[-1]) for f in FAMILIES if f.kind == "histogram"}
    assert bounds == {
        "emag_sync_duration_seconds": (10, 3600),
        "emag_api_request_duration_seconds": (0.1, 30),
        "emag_rate_limit_wait_seconds": (0.1, 60),
    }


def test_every_family_says_what_it_means_and_is_named_once() -> None:
    assert all(family.meaning.endswith(".") for family in FAMILIES)
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    assert all((f.kind == "counter") == f.name.endswith("_total") for f in FAMILIES)


def test_requests_are_counted_by_endpoint_and_answer() -> None:
    counted = counts()
    counted.requested("order/read", 200, 0.2)
    counted.requested("order/read", 200, 7)
    counted.requested("order/read", 0, 31)
    found = sampled(counted)
    order = 'account_type="main",endpoint="order/read"'
    assert found[f'emag_api_requests_total{{{order},status_code="200"}}'] == 2
    assert found[f'emag_api_requests_total{{{order},status_code="0"}}'] == 1
    assert found[f'emag_api_request_duration_seconds_bucket{{{order},le="0.25"}}'] == 1
    assert found[f'emag_api_request_duration_seconds_bucket{{{order},le="10.0"}}'] == 2
    assert found[f'emag_api_request_duration_seconds_bucket{{{order},le="+Inf"}}'] == 3
    assert found[f"emag_api_request_duration_seconds_sum{{{order}}}"] == 38.2


def test_a_hit_is_a_request_that_had_to_wait() -> None:
    counted = counts()
    for seconds in (0.00002, 0.5, 2):
        counted.waited("orders", seconds)
    found = sampled(counted)
    labels = 'account_type="main",operation_type="orders"'
    assert found[f"emag_rate_limit_hits_total{{{labels}}}"] == 2
    assert found[f"emag_rate_limit_wait_seconds_count{{{labels}}}"] == 3


def test_offers_are_counted_under_their_established_name_too() -> None:
    counted = counts()
    counted.count_rows("products", "unchanged", 5)
    counted.count_rows("returns", "created")
    found = sampled(counted)
    assert found['emag_sync_products_total{account_type="main",action="unchanged"}'] == 5
    row = 'account_type="main",action="created",marketplace="emag_ro",sync_type="returns"'
    assert found[f"emag_rows_met_total{{{row}}}"] == 1
    assert counted.by("emag_rows_met_total", "action", sync_type="products") == {"unchanged": 5}


def test_failures_are_counted_by_class_and_timeouts_apart() -> None:
    counted = counts()
    counted.failed("orders", StallError("nothing moved"), timed_out=True)
    counted.failed("orders", TransientError("HTTP 500"), timed_out=False)
    counted.retried("order/read", TransientError("HTTP 500"))
    found = sampled(counted)
    for error in ("StallError", "TransientError"):
        labels = f'account_type="main",error_type="{error}",sync_type="orders"'
        assert found[f"emag_sync_errors_total{{{labels}}}"] == 1
    assert found['emag_sync_timeouts_total{account_type="main",sync_type="orders"}'] == 1


def test_what_may_be_counted_begins_at_nothing() -> None:
    counted = counts()
    counted.expect(["orders", "products"], ["order_lines"])
    found = sampled(counted)
    assert set(found.values()) == {0}
    account = 'account_type="main"'
    whole = f'{account},marketplace="emag_ro"'
    for error in ("CredentialsError", "AddressError", "StallError", "LoaderFailedError"):
        labels = f'{account},error_type="{error}",sync_type="orders"'
        assert f"emag_sync_errors_total{{{labels}}}" in found
    assert f'emag_sync_timeouts_total{{{account},sync_type="products"}}' in found
    assert f'emag_sync_products_total{{{account},action="failed"}}' in found
    assert f'emag_records_total{{{whole},stream="order_lines"}}' in found
    assert f'emag_rate_limit_hits_total{{{account},operation_type="other"}}' in found
    assert f'emag_rate_limit_refusals_total{{{whole},operation_type="orders"}}' in found
    assert counted.by("emag_rows_met_total", "action", sync_type="orders") == {}


def test_breaker_and_rates_are_asked_for_when_somebody_looks() -> None:
    counted, open_now = counts(), [False]
    refused_now = [False]
    counted.watch(
        lambda: open_now[0],
        lambda: refused_now[0],
        lambda bucket: 10.8 if bucket == "orders" else 2.7,
    )
    account = 'account_type="main",marketplace="emag_ro"'
    assert sampled(counted)[f"emag_breaker_open{{{account}}}"] == 0
    open_now[0] = True
    found = sampled(counted)
    assert found[f"emag_breaker_open{{{account}}}"] == 1
    assert found[f"emag_breaker_refused{{{account}}}"] == 0
    refused_now[0] = True
    assert sampled(counted)[f"emag_breaker_refused{{{account}}}"] == 1
    assert found[f'emag_budget_rate{{{account},operation_type="other"}}'] == 2.7


def test_what_is_told_of_unknown_fields_is_their_number() -> None:
    sums = Sums(fields={("emag_ro", "main", "orders"): {"new_key", "other"}})
    (metric,) = metrics_of(sums)
    assert [(sample.name, sample.value) for sample in metric.samples] == [
        ("emag_unknown_fields", 2)
    ]


def test_names_of_unknown_fields_are_bounded() -> None:
    counted = counts()
    for number in range(5000):
        counted.found("orders", f"key_{number}")
    assert len(counted.fields["orders"]) == 1000


def test_the_text_is_what_prometheus_reads() -> None:
    counted = counts()
    counted.requested("order/read", 200, 0.2)
    registry = CollectorRegistry()

    class Once:
        def describe(self) -> tuple[()]:
            return ()

        def collect(self) -> object:
            return metrics_of(Sums(dict(counted.samples(("counter",)))))

    registry.register(Once())  # type: ignore[arg-type]  # all that is asked of a collector
    assert generate_latest(registry).decode().splitlines()[1:] == [
        "# TYPE emag_api_requests_total counter",
        'emag_api_requests_total{account_type="main",endpoint="order/read",status_code="200"} 1.0',
    ]
