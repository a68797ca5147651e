"""Settings are checked together, and every problem says what to write instead."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.plugin_base import _ConfigInput

from tap_emag.errors import ConfigurationError
from tap_emag.settings.marketplaces import MARKETPLACES
from tap_emag.settings.settings import SETTINGS, Checked, Settings, config_schema
from tap_emag.tap import STREAMS, TapEmag

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
NEEDED = {"username": "demo", "password": "geheim"}


def settings(**values: Any) -> Settings:  # noqa: ANN401
    return Settings.from_config({**NEEDED, **values}, NOW)


def problems(**values: Any) -> list[str]:  # noqa: ANN401
    with pytest.raises(ConfigurationError) as caught:
        settings(**values)
    return caught.value.problems


def test_user_and_password_are_enough() -> None:
    plain = settings()
    assert plain.api_url == "https://marketplace-api.emag.ro/api-3"
    assert plain.timezone == ZoneInfo("Europe/Bucharest")
    assert plain.start_date == NOW - timedelta(days=365)
    assert plain.end_date is None
    assert plain.order_types == (3, 2)
    assert (plain.category_language, plain.locality_countries) == (None, ())


@pytest.mark.parametrize("name", MARKETPLACES)
def test_each_marketplace_brings_its_host_and_clock(name: str) -> None:
    assert settings(marketplace=name).api_url == MARKETPLACES[name].api_url
    assert settings(marketplace=name).timezone.key == MARKETPLACES[name].timezone


def test_the_password_is_not_shown() -> None:
    assert "geheim" not in repr(settings())


@pytest.mark.parametrize(
    ("scope", "alike"),
    [
        ("user", {"other host"}),
        ("user_and_host", set()),
        ("all", {"other host", "other user", "both other"}),
    ],
)
def test_budgets_are_shared_by_the_scope(scope: str, alike: set[str]) -> None:
    own = settings(rate_limit_scope=scope).budget_identity
    others = {
        "other host": settings(rate_limit_scope=scope, marketplace="emag_hu"),
        "other user": settings(rate_limit_scope=scope, username="second"),
        "both other": settings(rate_limit_scope=scope, username="second", marketplace="emag_bg"),
    }
    assert {name for name, each in others.items() if each.budget_identity == own} == alike


def test_a_user_has_one_budget_on_all_hosts_unless_told_otherwise() -> None:
    hosts = {settings(marketplace=name).budget_identity for name in MARKETPLACES}
    assert hosts == {"demo"}


def test_empty_text_and_null_mean_the_default() -> None:
    assert settings(start_date="", api_url=None, settle_seconds="") == settings()


def test_numbers_may_come_as_text() -> None:
    assert settings(settle_seconds="30", rate_limit_share="0.5").settle_seconds == 30


def test_the_share_may_be_left_to_the_tap() -> None:
    assert settings(rate_limit_share="auto").rate_limit_share == 0.97


@pytest.mark.parametrize(
    ("value", "meant"),
    [(True, True), (False, False), ("true", True), ("False", False), ("", False)],
)
def test_a_switch_may_come_as_text(value: object, meant: bool) -> None:
    assert settings(allow_mass_deletion=value).allow_mass_deletion is meant


@pytest.mark.parametrize("value", ["yes", 1, "1", []])
def test_a_switch_is_true_or_false(value: object) -> None:
    with pytest.raises(ConfigurationError, match="; write true or false"):
        settings(allow_mass_deletion=value)
    with pytest.raises(ConfigurationError, match="; write true or false"):
        settings(allow_second_pipeline=value)


def test_a_list_may_come_as_text() -> None:
    assert settings(order_types="[2]").order_types == (2,)
    assert settings(locality_countries='["HU", "EL"]').locality_countries == ("HU", "EL")


def test_a_value_that_is_not_text_is_not_repeated() -> None:
    assert "12345" not in "".join(problems(password=12345))


def test_a_date_without_a_zone_is_utc() -> None:
    assert settings(start_date="2026-01-31").start_date == datetime(
        2026, 1, 31, tzinfo=timezone.utc
    )
    moment = settings(start_date="2026-01-31T10:00:00+02:00").start_date
    assert moment == datetime(2026, 1, 31, 8, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("marketplace", "emag_pl"),
        ("account_type", "Main shop"),
        ("account_type", ""),
        ("api_url", "marketplace-api.emag.ro"),
        ("api_url", "http://marketplace-api.emag.ro/api-3"),
        ("api_url", "https://demo:geheim@marketplace-api.emag.ro/api-3"),
        ("api_url", "https://marketplace-api.emag.ro/api-3?x=1"),
        ("timezone", "Bucharest"),
        ("timezone", "../etc/passwd"),
        ("start_date", "yesterday"),
        ("start_date", "2026-13-01"),
        ("start_date", "2030-01-01"),
        ("end_date", "31.01.2026"),
        ("end_date", "2020-01-01"),
        ("order_types", []),
        ("order_types", [4]),
        ("order_types", [3, 3]),
        ("order_types", "all"),
        ("order_types", "3"),
        ("order_types", "[3, 3]"),
        ("order_types", 3),
        ("category_language", "ro"),
        ("category_language", "EL"),
        ("locality_countries", []),
        ("locality_countries", "RO"),
        ("locality_countries", ["GR"]),
        ("locality_countries", ["RO", "RO"]),
        ("locality_countries", ["ro"]),
        ("locality_countries", [["RO"]]),
        ("metrics_port", "abc"),
        ("metrics_port", "9090.5"),
        ("username", 12345),
        ("password", 12345),
        ("start_date", "01.02.2026"),
        ("start_date", "02/01/2026"),
        ("order_lookback_seconds", -1),
        ("settle_seconds", 1),
        ("settle_seconds", 2.5),
        ("max_concurrent_requests", 0),
        ("max_concurrent_requests", True),
        ("rate_limit_share", 0),
        ("rate_limit_share", 1.01),
        ("rate_limit_share", "a lot"),
        ("rate_limit_share", float("nan")),
        ("request_timeout_seconds", 0),
        ("retry_max_attempts", 0),
        ("retry_wait_max_seconds", 1),
        ("rate_limit_store", "redis://geheim@host"),
        ("breaker_failure_threshold", 0),
        ("breaker_recovery_seconds", "soon"),
        ("sync_timeout_seconds", -1),
        ("stall_timeout_seconds", -5),
        ("state_dir", "here/below"),
    ],
)
def test_a_bad_value_is_refused_by_name_with_what_to_write(name: str, value: object) -> None:
    if value == "":
        assert settings(account_type="").account_type == "main"
        return
    [problem] = problems(**{name: value})
    assert problem.startswith(f"{name}: ")
    assert any(word in problem for word in ("write", "use", "put"))
    assert "geheim" not in problem


@pytest.mark.parametrize(
    ("plugin", "expected"),
    [
        ("", "TAP_EMAG_PASSWORD"),
        ("tap-emag-orders", "TAP_EMAG_PASSWORD"),
        ("tap-emag-fbe", "TAP_EMAG_FBE_PASSWORD"),
        ("tap-emag-fbe-reference", "TAP_EMAG_FBE_PASSWORD"),
        ("tap-emag-orders-weekly", "TAP_EMAG_PASSWORD"),
        ("tap-emag-fbe-orders-nightly", "TAP_EMAG_FBE_PASSWORD"),
        ("tap-emag-hu", "TAP_EMAG_HU_PASSWORD"),
    ],
)
def test_a_missing_setting_names_the_variable_of_the_plugin(
    plugin: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MELTANO_EXTRACTOR_NAME", plugin)
    assert problems(password="") == [f"password: is missing; set it, or {expected}"]


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_config({"marketplace": "x", "start_date": "y"}, NOW)
    names = [problem.partition(":")[0] for problem in caught.value.problems]
    assert names == ["username", "password", "marketplace", "start_date"]


@given(
    st.dictionaries(
        st.sampled_from([setting.name for setting in SETTINGS]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.lists(st.integers()),
    )
)
def test_any_configuration_is_either_good_or_refused(config: dict[str, Any]) -> None:
    try:
        checked = Settings.from_config(config, NOW)
    except ConfigurationError as error:
        assert error.problems  # noqa: PT017
    else:
        assert 0 < checked.rate_limit_share <= 1
        assert checked.start_date <= NOW


def test_the_schema_describes_every_setting_and_hides_what_is_secret() -> None:
    properties = config_schema()["properties"]
    assert all(schema["description"].endswith(".") for schema in properties.values())
    secrets = [name for name, schema in properties.items() if schema.get("secret")]
    assert secrets == [
        "password",
        "rate_limit_store",
        "pushgateway_url",
        "webhook_url",
        "webhook_secret",
    ]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (
            {"metrics_textfile": "tap.txt"},
            "metrics_textfile: 'tap.txt' is not an absolute path ending",
        ),
        ({"metrics_port": 0}, "metrics_port: 0 will not do; write a whole number from 1 to 65535"),
        (
            {"metrics_address": "host"},
            "metrics_address: 'host' is not an IP address; write 127.0.0.1",
        ),
        ({"pushgateway_url": "localhost:9091"}, "pushgateway_url: is not a web address; write one"),
        ({"webhook_url": "http://[bad"}, "webhook_url: is not a web address; write one"),
        ({"webhook_secret": "whsec_geheim!"}, "webhook_secret: begins with whsec_, and no Base64"),
        ({"webhook_secret": "whsec_"}, "webhook_secret: begins with whsec_, and no Base64"),
        ({"webhook_format": "teams"}, "webhook_format: 'teams' is unknown; write json or slack"),
        ({"log_format": "xml"}, "log_format: 'xml' is unknown; write text or json"),
    ],
)
def test_where_reports_go_is_checked_too(values: dict[str, Any], problem: str) -> None:
    assert [found.startswith(problem) for found in problems(**values)] == [True]


def test_no_address_that_may_be_a_secret_is_repeated() -> None:
    found = problems(webhook_url="slack.example/T0/secret", pushgateway_url="u:secret@gateway")
    assert len(found) == 2
    assert "secret" not in "".join(found)


@pytest.mark.parametrize("mark", ['"', "'"])
@pytest.mark.parametrize(
    ("name", "value"),
    [("marketplace", "emag_ro"), ("start_date", "2026-01-01"), ("settle_seconds", "120")],
)
def test_quotation_marks_round_a_value_are_refused_by_name(
    name: str, value: str, mark: str
) -> None:
    [problem] = problems(**{name: f"{mark}{value}{mark}"})
    assert problem == (
        f"{name}: {mark}{value}{mark} has quotation marks round it; write it without them"
    )


def test_quotation_marks_round_a_secret_address_do_not_repeat_it() -> None:
    [problem] = problems(webhook_url='"https://hooks.example.com/geheim"')
    assert problem == "webhook_url: has quotation marks round it; write it without them"


def test_quotation_marks_may_be_a_passwords_own() -> None:
    assert settings(password='"geheim"').password == '"geheim"'


@pytest.mark.parametrize(
    "url",
    [
        "https://*.emag.ro/api-3",
        "https://emag..ro/api-3",
        f"https://{'a' * 64}.ro/api-3",
        "https://market place.ro/api-3",
        "https://emag.ro/api-3\x1b",
    ],
)
def test_an_address_that_no_request_can_be_sent_to_is_refused(url: str) -> None:
    [problem] = problems(api_url=url)
    assert problem.startswith("api_url: ")
    assert "is not a web address; write one such as" in problem
    assert problem.isprintable()


NOTHING = {
    "streams": [
        {
            "tap_stream_id": stream.table.name,
            "metadata": [{"breadcrumb": [], "metadata": {"selected": False}}],
        }
        for stream in STREAMS
    ]
}


@pytest.mark.parametrize(
    ("values", "catalog", "wrong"),
    [
        ({}, NOTHING, ""),
        ({}, {"streams": 5}, "catalog: "),
        ({"settle_seconds": 1}, NOTHING, "settle_seconds: "),
        ({"stream_maps": {"no_such": {}}}, NOTHING, "stream_maps: "),
    ],
)
def test_settings_are_checked_once_a_run(
    values: dict[str, Any],
    catalog: dict[str, Any],
    wrong: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checks: list[Checked] = []

    def count(config: Mapping[str, Any], now: datetime) -> Checked:
        checks.append(check(config, now))
        return checks[-1]

    check = Checked.of
    monkeypatch.setattr(Checked, "of", count)
    config = {**NEEDED, "api_url": "http://127.0.0.1:9/api-3", "state_dir": str(tmp_path), **values}
    try:
        TapEmag.invoke(config=_ConfigInput(config), catalog=io.StringIO(json.dumps(catalog)))
        ended = ""
    except ConfigurationError as error:
        ended = str(error)
    assert ended.startswith(wrong)
    assert bool(ended) == bool(wrong)
    assert len(checks) == 1
