"""`emag-ops accounts` makes plugins, jobs and schedules of a table, or says what is wrong."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.cron import Cron
from tap_emag.errors import ConfigurationError
from tap_emag.ops.accounts import project
from tap_emag.ops.accounts.table import EVERY, GROUPS, KEYS, OF_A_JOB, parse, read
from tap_emag.ops.accounts.times import INTERVALS, cron
from tap_emag.ops.cli import run
from tap_emag.ops.commands import doctor
from tap_emag.ops.doctor.accounts import check_accounts
from tap_emag.ops.doctor.report import Report
from tap_emag.ops.meltano.pipelines import OwnPipelines
from tap_emag.ops.meltano.plugin_config import PluginConfig
from tap_emag.settings.marketplaces import MARKETPLACES
from tests.repository.test_docs import _blocks
from tests.support.declared import ROOT, declared

if TYPE_CHECKING:
    from pathlib import Path

THREE = "accounts:\n- name: bg\n  marketplace: emag_bg\n"
MELTANO_YML = {
    "default_environment": "dev",
    "include_paths": ["./*.meltano.yml"],
    "environments": [{"name": "dev"}, {"name": "prod"}],
    "plugins": {
        "extractors": [
            {
                "name": "tap-emag",
                "namespace": "tap_emag",
                "executable": "tap-emag",
                "settings": [
                    {"name": "username"},
                    {"name": "password"},
                    {"name": "marketplace", "value": "emag_ro"},
                    {"name": "account_type", "value": "main"},
                ],
            }
        ],
        "loaders": [{"name": "target-postgres"}, {"name": "target-jsonl"}],
    },
}
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9})?", fullmatch=True).filter(
    lambda name: (
        not OF_A_JOB.search(f"-{name}") and name != "main" and not name.startswith("tap-emag")
    )
)
ROWS = st.fixed_dictionaries(
    {
        "account_type": st.sampled_from(["main", "fbe"]),
        "marketplace": st.sampled_from([*MARKETPLACES]),
    },
    optional={
        "read": st.lists(st.sampled_from(GROUPS), min_size=1, unique=True),
        "every": st.dictionaries(st.sampled_from([*EVERY]), st.sampled_from([*INTERVALS, "never"])),
        "settings": st.just({"start_date": "2026-01-01", "webhook_url": "$HOOK"}),
    },
)
TABLES = st.dictionaries(NAMES, ROWS, max_size=6)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Meltano project that has no more than page docs/existing-project.md asks for."""
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(MELTANO_YML), encoding="utf-8")
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path))
    for name in ("EMAG_ACCOUNTS", "TAP_EMAG_USERNAME", "TAP_EMAG_MARKETPLACE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write(root: Path, text: str) -> int:
    (root / "accounts.yml").write_text(text, encoding="utf-8")
    return run(["accounts"])


def made(text: str) -> dict[str, Any]:
    """Return the plugins of a generated file by name, with jobs and schedules."""
    found = yaml.safe_load(text)
    plugins = {each["name"]: each for each in found["plugins"]["extractors"]}
    jobs = {each["name"]: each["tasks"] for each in found["jobs"]}
    return {"plugins": plugins, "jobs": jobs, "schedules": found["schedules"]}


def distinct(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the rows whose keys no other row has."""
    labels = {(row["marketplace"], row["account_type"]): name for name, row in rows.items()}
    return {name: rows[name] for name in labels.values()}


def as_text(rows: dict[str, dict[str, Any]]) -> str:
    return yaml.safe_dump({"accounts": [{"name": name, **row} for name, row in rows.items()]})


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    (folder / "meltano.yml").write_text(yaml.safe_dump(MELTANO_YML), encoding="utf-8")
    return folder


@settings(max_examples=30)
@given(rows=TABLES.map(distinct))
def test_each_account_has_plugins_jobs_and_schedules_of_its_own(
    plain: Path, rows: dict[str, dict[str, Any]]
) -> None:
    text = project.text_of(parse(as_text(rows)), plain, {})
    (plain / project.FILE).write_text(text, encoding="utf-8")
    assert project.text_of(parse(as_text(rows)), plain, {}) == text
    found = made(text)
    assert len(found["plugins"]) == len(yaml.safe_load(text)["plugins"]["extractors"])
    assert [each.name for each in project.accounts_in(text)] == [*rows]
    assert OwnPipelines.of_project(plain).extractors == {"tap-emag", *found["plugins"]}
    config = PluginConfig(plain, "extractors", {})
    for name, row in rows.items():
        own = config.config(f"tap-emag-{name}")
        assert (own["marketplace"], own["account_type"]) == (
            row["marketplace"],
            row["account_type"],
        )
        for group in row.get("read", GROUPS):
            assert f"tap-emag-{name}-{group} target-postgres" in found["jobs"][f"{name}-{group}"]
        loads = [task for task in found["jobs"][name] if task.endswith(" target-postgres")]
        assert len(loads) == len(row.get("read", GROUPS))
    tasks = [task.split() for tasks in found["jobs"].values() for task in tasks]
    assert {task[0] for task in tasks} <= found["plugins"].keys()
    for each in found["schedules"]:
        assert each["job"] in found["jobs"]
        parsed = Cron.parse(each["interval"])
        assert 0 not in parsed.minutes
        assert parsed.on_calendar()


@settings(max_examples=30)
@given(rows=TABLES.map(distinct), data=st.data())
def test_another_account_changes_nothing_of_the_others(
    plain: Path, rows: dict[str, dict[str, Any]], data: st.DataObject
) -> None:
    all_of_them = made(project.text_of(parse(as_text(rows)), plain, {}))
    kept = {name: row for name, row in rows.items() if data.draw(st.booleans())}
    fewer = made(project.text_of(parse(as_text(kept)), plain, {}))
    for kind in ("plugins", "jobs"):
        assert fewer[kind].items() <= all_of_them[kind].items()
    assert [each for each in all_of_them["schedules"] if each in fewer["schedules"]] == (
        fewer["schedules"]
    )


@given(st.sampled_from(INTERVALS), NAMES, st.sampled_from([*EVERY]))
def test_an_interval_is_the_time_between_two_runs(interval: str, name: str, job: str) -> None:
    expression = str(cron(interval, name, job))
    due = Cron.parse(expression)
    number, unit = int(interval[:-1]), interval[-1]
    assert 0 not in due.minutes
    if unit == "m":
        first, *rest = sorted(due.minutes)
        assert [each - first for each in rest] == [*range(number, 60 - first, number)]
    else:
        assert len(due.minutes) == 1
        assert len(due.hours) == (24 // number if unit == "h" else 1)
        assert len(due.weekdays) == (1 if interval == "7d" else 7)


def test_three_lines_and_a_command_add_an_account(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(root, THREE) == 0
    out = capsys.readouterr().out
    assert "accounts.meltano.yml written; accounts: 1" in out
    assert "added: bg (emag_bg/main); `meltano run bg`" in out
    assert "bg: not set here: TAP_EMAG_BG_USERNAME, TAP_EMAG_BG_PASSWORD" in out
    assert run(["accounts", "--check"]) == 0
    assert run(["accounts"]) == 0
    assert "is up to date" in capsys.readouterr().out


def test_another_one_and_removing_the_first_is_the_same_command(
    root: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    write(root, THREE)
    (root / "accounts.yml").write_text("accounts:\n- {name: hu, marketplace: emag_hu}\n")
    assert run(["accounts", "--check"]) == 1
    assert "is out of date: run `meltano invoke emag-ops accounts`" in caplog.text
    project.warn_if_outdated(root, {})
    assert caplog.records[-1].levelname == "WARNING"
    capsys.readouterr()
    assert run(["accounts"]) == 0
    out = capsys.readouterr().out
    assert "removed: bg; its rows and bookmarks stay" in out
    assert "added: hu" in out
    caplog.clear()
    project.warn_if_outdated(root, {})
    assert caplog.records == []
    assert write(root, "accounts: []\n") == 0
    assert yaml.safe_load((root / project.FILE).read_text())["jobs"] == []


def test_the_command_says_when_an_account_has_another_label(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, "accounts: [{name: fbe, account_type: fbe}, {name: bg, marketplace: emag_bg}]")
    capsys.readouterr()
    write(root, "accounts: [{name: fbe, account_type: fbe2}, {name: bg, marketplace: emag_bg}]")
    out = capsys.readouterr().out
    assert (
        "changed: fbe (emag_ro/fbe -> emag_ro/fbe2): its rows keep the old label, a first sync"
        " begins\n"
    ) in out
    assert out.count("changed: ") == 1
    assert run(["accounts"]) == 0
    assert "changed: " not in capsys.readouterr().out


def test_commands_that_keep_the_bookmarks_of_a_renamed_account_are_written(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MELTANO_ENVIRONMENT", "prod")
    write(root, "accounts: [{name: bg, marketplace: emag_bg}, {name: hu, marketplace: emag_hu}]")
    assert "renamed" not in capsys.readouterr().out
    shop = "{name: shop, marketplace: emag_bg, read: [orders]}"
    write(root, f"accounts: [{shop}, {{name: hu, marketplace: emag_hu}}]")
    out = capsys.readouterr().out
    assert "renamed: bg -> shop (emag_bg/main): it begins anew unless you move its bookmarks" in out
    assert out.endswith(
        "  meltano state move prod:tap-emag-bg-orders-to-target-postgres"
        " prod:tap-emag-shop-orders-to-target-postgres\n"
    )


def test_the_doctor_names_the_variable_of_the_plugins_account(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stub:
        def __init__(self, _: Path) -> None:
            pass

        def version(self) -> None:
            pass

        def config_of(self, plugin: str) -> dict[str, Any]:
            return {"state_dir": str(root / "state")} if plugin.startswith("tap-emag") else {}

    monkeypatch.setattr(doctor, "Meltano", Stub)
    monkeypatch.setattr(doctor, "check_postgres", lambda *_: None)
    monkeypatch.setattr(doctor, "check_meltano", lambda *_: None)
    monkeypatch.delenv("MELTANO_EXTRACTOR_NAME", raising=False)
    write(root, THREE)
    assert run(["doctor", "--plugin", "tap-emag-bg-orders"]) == 4
    out = capsys.readouterr().out
    assert "set it, or TAP_EMAG_BG_USERNAME" in out
    assert "TAP_EMAG_USERNAME" not in out
    assert "MELTANO_EXTRACTOR_NAME" not in os.environ


def test_the_table_may_be_in_a_variable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"accounts": [{"name": "hu", "marketplace": "emag_hu"}]}
    monkeypatch.setenv("EMAG_ACCOUNTS", json.dumps(given))
    assert run(["accounts"]) == 0
    assert "tap-emag-hu-orders" in (root / project.FILE).read_text()


def test_what_is_left_out_is_that_of_the_defaults_then_that_of_tap_emag(root: Path) -> None:
    text = """
loader: target-jsonl
defaults:
  read: [offers]
  every: {offers: 4h}
  settings: {start_date: 2026-01-31, rate_limit_share: 0.5}
accounts:
- name: fbe
  account_type: fbe
- name: shop-hu
  marketplace: emag_hu
  username: $HU_USER
  password: ${HU_PASSWORD}
  read: [returns, offers]
  every: {offers: "7,37 * * * *", returns: never}
  settings: {rate_limit_share: 0.9}
"""
    assert write(root, text) == 0
    found = made((root / project.FILE).read_text())
    fbe, hu = (found["plugins"][f"tap-emag-{each}"]["config"] for each in ("fbe", "shop-hu"))
    assert fbe == {
        "account_type": "fbe",
        "username": "$TAP_EMAG_FBE_USERNAME",
        "password": "$TAP_EMAG_FBE_PASSWORD",
        "start_date": "2026-01-31",
        "rate_limit_share": 0.5,
    }
    assert (hu["username"], hu["password"]) == ("$HU_USER", "${HU_PASSWORD}")
    assert (hu["rate_limit_share"], hu["start_date"]) == (0.9, "2026-01-31")
    assert found["jobs"]["shop-hu"] == [
        "tap-emag-shop-hu-offers target-jsonl",
        "tap-emag-shop-hu-returns target-jsonl",
    ]
    times = {each["name"]: each["interval"] for each in found["schedules"]}
    assert times.keys() == {"fbe-offers", "shop-hu-offers"}
    assert times["shop-hu-offers"] == "7,37 * * * *"
    assert len(Cron.parse(times["fbe-offers"]).hours) == 6


def test_a_key_left_blank_is_that_of_the_defaults() -> None:
    text = """
loader:
defaults:
  marketplace: emag_bg
  read: [offers, returns]
  every: {offers: 4h, returns: }
  settings: {start_date: 2026-01-31}
accounts:
- {name: a, marketplace: , account_type: , username: , read: , every: , settings: }
- {name: b, every: {offers: }, settings: {start_date: }}
"""
    found = parse(text)
    assert found.loader == "target-postgres"
    for each in found.accounts:
        assert each.config["marketplace"] == "emag_bg"
        assert each.config["start_date"] == "2026-01-31"
        assert each.groups == ("offers", "returns")
        assert each.crons == {
            "offers": cron("4h", each.name, "offers"),
            "returns": cron("1h", each.name, "returns"),
        }


def test_a_cron_expression_is_one_line() -> None:
    assert cron("7\n 3 * *  *\n", "bg", "orders") == "7 3 * * *"


def test_a_variable_of_spaces_is_no_table(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(root, THREE)
    monkeypatch.setenv("EMAG_ACCOUNTS", " ")
    assert run(["accounts"]) == 2
    assert "EMAG_ACCOUNTS: accounts: is missing; write `accounts: []`" in caplog.text
    assert "tap-emag-bg" in (root / project.FILE).read_text()


def test_what_the_main_account_leaves_out_every_account_leaves_out(root: Path) -> None:
    maps = {"orders": {"customer": "__NULL__"}}
    select = ["orders.*", "!orders.customer"]
    own = {"name": "tap-emag-orders", "inherit_from": "tap-emag", "select": select}
    given = json.loads(json.dumps(MELTANO_YML))
    given["plugins"]["extractors"].append({**own, "config": {"stream_maps": maps, "username": "a"}})
    (root / "meltano.yml").write_text(yaml.safe_dump(given))
    assert write(root, THREE) == 0
    plugin = made((root / project.FILE).read_text())["plugins"]["tap-emag-bg-orders"]
    assert (plugin["select"], plugin["config"]) == (select, {"stream_maps": maps})


WRONG = {
    "- name: bg\n  markteplace: emag_bg": "account bg: markteplace: is unknown; write marketplace",
    "- name: bg\n  xyz: 1": "account bg: xyz: is unknown; use one of name, marketplace",
    "- name: bg\n  marketplace: emag_xx": "account bg: marketplace: 'emag_xx' is unknown; use one",
    "- name: bg\n  account_type: FBE": "account bg: account_type: 'FBE' is not a short name; use",
    "- marketplace: emag_bg": "account 1: name: is missing; write up to 24",
    "- name: B G": "account 1: name: 'B G' will not do; write up to 24 lower-case letters",
    "- name: on": "account 1: name: is not text; put it in quotes",
    "- name: no": "account 1: name: is not text; put it in quotes",
    "- name: 24": "account 1: name: 24 will not do; write up to 24 lower-case letters",
    "- name: main": "account main: name: is that of the first account; write another one, such as",
    "- name: tap-emag": "account tap-emag: name: begins like the name of a plugin; leave tap-emag",
    "- name: tap-emag-bg\n- name: bg": "account tap-emag-bg: name: begins like the name of a",
    "- name: target-postgres": (
        "account target-postgres: name: gives a job the name of a plugin, target-postgres, which"
        " Meltano refuses; write another name, such as bg"
    ),
    "- name: bg\n  marketplace: no": "account bg: marketplace: is not text; put it in quotes",
    "- name: bg\n  account_type: 0": "account bg: account_type: is not text; put it in quotes",
    "- name: bg\n  password: 0": "account bg: password: a secret must not be in this table",
    "- name: bg\n  username: no": "account bg: username: a secret must not be in this table",
    "- name: shop-orders": "account shop-orders: name: ends like the name of a job; write another",
    "- name: bg\n- name: bg": "account bg: name: is there 2 times; give each account its own",
    "- name: bg\n  password: s3cret": (
        "account bg: password: a secret must not be in this table; write the name of a variable,"
        " such as $TAP_EMAG_BG_PASSWORD"
    ),
    "- name: bg\n  password: $ecret": (
        "account bg: password: a secret must not be in this table; write the name of a variable,"
        " such as $TAP_EMAG_BG_PASSWORD"
    ),
    "- name: bg\n  password: $Ecret": "account bg: password: a secret must not be in this table",
    "- name: bg\n  settings: {start_date: $start}": (
        "account bg: settings.start_date: '$start' is not a date"
    ),
    "- name: bg\n  username: s3cret": "account bg: username: a secret must not be in this table",
    "- name: bg\n  settings: {webhook_secret: s3cret}": (
        "account bg: settings.webhook_secret: a secret must not be in this table"
    ),
    "- name: bg\n  settings: {password: s3cret}": (
        "account bg: settings.password: is a key of the account; write `password` next to"
    ),
    "- name: bg\n  settings: {s3cret!: 1}": "account bg: settings.a key: is unknown",
    "- name: bg\n  settings: {start_dat: 2026-01-01}": (
        "account bg: settings.start_dat: is unknown; write start_date"
    ),
    "- name: bg\n  settings: {start_date: soon}": (
        "account bg: settings.start_date: 'soon' is not a date; write one such as 2026-01-31"
    ),
    "- name: bg\n  settings: {start_date: 2026-02-30}": (
        "account bg: settings.start_date: '2026-02-30' is not a date; write one such as"
    ),
    "- name: bg\n  settings: {rate_limit_share: 2}": "settings.rate_limit_share: 2 will not do",
    "- name: bg\n  settings: [a]": "account bg: settings: is not a mapping; write `key: value`",
    "- name: bg\n  read: orders": "account bg: read: 'orders' will not do; write a list of orders",
    "- name: bg\n  read: []": "account bg: read: [] will not do; write a list of orders",
    "- name: bg\n  read: [orders, orders]": "account bg: read: ['orders', 'orders'] will not do",
    "- name: bg\n  every: {order: 5m}": "account bg: every.order: is unknown; write orders",
    "- name: bg\n  every: {orders: 7m}": "account bg: every.orders: '7m' is not an interval; write",
    "- name: bg\n  every: {orders: '61 * * * *'}": "account bg: every.orders: '61 * * * *' cannot",
    "- name: bg\n  every: {orders: '*/5 * * * *'}": "is due on the full hour, when eMAG asks for",
    "- name: bg\n  every: {orders: '7 1 1 * 1'}": "has days of the month and of the week; write *",
    "- name: bg\n  every: {orders: '7 1 L * *'}": "has a last or n-th day; write days by their",
    "- bg": "account 1: is not a mapping; write `key: value` lines below it",
    "- name: bg\n  name: hu": "a key is there twice, see line 2; correct it",
    "- name: [s3cret": "is not YAML, see line",
    "- name: bg\n- name: hu\n  marketplace: emag_ro": (
        "account hu: marketplace, account_type: emag_ro/main is read by tap-emag-bg, too, and their"
        " rows would have the same keys; write another account_type, or leave one of them out"
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_table_is_refused_with_what_to_write_instead(
    text: str, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert write(root, f"accounts:\n{text}\n") == 2
    assert f"accounts.yml: {WRONG[text]}" in caplog.text or WRONG[text] in caplog.text
    assert "s3cret" not in caplog.text
    assert not (root / project.FILE).exists()


TOP = {
    "": "accounts: is missing; write `accounts: []` for none, or `- name: bg` below it",
    "accounts:": "accounts: is missing; write `accounts: []` for none, or `- name: bg` below it",
    "accounts: {}": "accounts: is not a list; write `- name: bg`",
    "acounts: []": "acounts: is unknown; write accounts",
    "- name: bg": "is not a table; begin it with `accounts:`",
    "accounts: bg": "accounts: is not a list; write `- name: bg`",
    "loader: 5": "loader: is not a name; write one such as target-postgres",
    "loader: target-csv\naccounts: []": "loader: meltano.yml has no 'target-csv'; write one that",
    "defaults: {account_type: no}\naccounts: [{name: bg}]": (
        "defaults: account_type: is not text; put it in quotes"
    ),
    "defaults: {name: bg}": "defaults: name: is unknown; use one of marketplace",
}


@pytest.mark.parametrize("text", TOP)
def test_so_is_one_with_another_form(
    text: str, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert write(root, text) == 2
    assert TOP[text] in caplog.text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYS, *EVERY, "defaults", "accounts"]), inner)
    ),
    max_leaves=12,
)
ROW = st.dictionaries(st.sampled_from([*KEYS, "other"]), VALUES | st.sampled_from(["bg", "$A"]))


@settings(max_examples=200)
@given(
    st.fixed_dictionaries({"accounts": st.lists(ROW, max_size=3)}, optional={"defaults": VALUES})
)
def test_any_table_is_taken_or_refused_in_words(document: dict[str, Any]) -> None:
    for text in (json.dumps(document), yaml.safe_dump(document)):
        with suppress(ConfigurationError):
            parse(text)


@given(st.text(alphabet="ab01-:[]{}&*!|>'\"#$%@ \n", max_size=40))
def test_so_is_any_text(text: str) -> None:
    for each in (
        text,
        f"accounts:\n- name: {text}",
        f"accounts:\n- settings: {{end_date: {text}}}",
    ):
        with suppress(ConfigurationError):
            parse(each)


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse("accounts:\n- {name: a, read: [x], every: {offers: 7m}}\n- {name: b, password: c}\n")
    assert [text.split(":")[1:3] for text in raised.value.problems] == [
        [" account a", " read"],
        [" account a", " every.offers"],
        [" account b", " password"],
    ]


def test_a_mistake_in_the_defaults_is_reported_once() -> None:
    defaults = "defaults: {read: [x], every: {offers: 7m}, settings: {page: 3}, account_type: 3}\n"
    with pytest.raises(ConfigurationError) as raised:
        parse(f"{defaults}accounts:\n- {{name: a}}\n- {{name: b, every: {{orders: 7m}}}}\n")
    assert sorted(tuple(text.split(":")[1:3]) for text in raised.value.problems) == [
        (" account b", " every.orders"),
        (" defaults", " account_type"),
        (" defaults", " every.offers"),
        (" defaults", " read"),
        (" defaults", " settings.page"),
    ]


def test_an_account_that_tap_emag_reads_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    text = "accounts:\n- {name: ro, marketplace: emag_ro}\n"
    assert write(root, text) == 0  # while tap-emag has no user
    monkeypatch.setenv("TAP_EMAG_USERNAME", "someone")
    assert write(root, text) == 2
    assert "account ro: marketplace, account_type: emag_ro/main is read by tap-emag, too" in (
        caplog.text
    )
    assert write(root, THREE) == 0
    monkeypatch.setenv("TAP_EMAG_MARKETPLACE", "emag_bg")
    assert write(root, THREE) == 2
    monkeypatch.setenv("TAP_EMAG_BG_ACCOUNT_TYPE", "second")
    assert write(root, THREE) == 0


TWICE = "and each row would be loaded under two keys; write the variable of another user, or leave"


@pytest.mark.parametrize(
    ("rows", "environment", "other"),
    [
        ("{name: a, username: $X}, {name: b, account_type: fbe, username: '${X}'}", {}, "a"),
        (
            "{name: a}, {name: b, account_type: fbe}",
            {"TAP_EMAG_A_USERNAME": "s3cret", "TAP_EMAG_B_USERNAME": "s3cret"},
            "a",
        ),
        (
            "{name: a, username: $X}, {name: b, account_type: fbe}",
            {"X": "s3cret", "TAP_EMAG_B_USERNAME": "s3cret"},
            "a",
        ),
        ("{name: b, account_type: fbe, username: $TAP_EMAG_USERNAME}", {}, ""),
        (
            "{name: b, account_type: fbe}",
            {"TAP_EMAG_USERNAME": "s3cret", "TAP_EMAG_B_USERNAME": "s3cret"},
            "",
        ),
    ],
)
def test_one_user_is_not_read_under_two_account_types(
    rows: str, environment: dict[str, str], other: str, root: Path
) -> None:
    name = f"tap-emag-{other}" if other else "tap-emag"
    with pytest.raises(ConfigurationError) as raised:
        project.text_of(parse(f"accounts: [{rows}]"), root, environment)
    [problem] = raised.value.problems
    assert f"account b: username: is that of {name} on emag_ro, too, {TWICE}" in problem
    assert "s3cret" not in problem


def test_one_user_may_have_several_marketplaces_and_each_account_another_user(root: Path) -> None:
    rows = "{name: a, username: $X}, {name: b, marketplace: emag_bg, username: $X}"
    others = {"TAP_EMAG_C_USERNAME": "c", "TAP_EMAG_USERNAME": "d", "X": "e"}
    table = parse(f"accounts: [{rows}, {{name: c, account_type: c}}]")
    del others["TAP_EMAG_USERNAME"]
    assert project.text_of(table, root, others)


def test_a_project_that_cannot_have_accounts_is_refused(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = json.loads(json.dumps(MELTANO_YML))
    given["include_paths"] = []
    given["plugins"]["extractors"].append({"name": "tap-emag-bg", "inherit_from": "tap-emag"})
    (root / "meltano.yml").write_text(yaml.safe_dump(given))
    assert write(root, THREE) == 2
    assert "add the line `include_paths: [./accounts.meltano.yml]`" in caplog.text
    assert (
        "account bg: name: meltano.yml has a plugin tap-emag-bg already; remove it" in caplog.text
    )
    given["plugins"]["extractors"] = []
    (root / "meltano.yml").write_text(yaml.safe_dump(given))
    assert write(root, THREE) == 2
    assert "meltano.yml has no extractor tap-emag, which accounts inherit from" in caplog.text


@pytest.mark.parametrize(
    ("name", "twice", "kind"),
    [
        ("dbt", "dbt", "utilities"),
        ("emag-ops", "emag-ops", "utilities"),
        ("bg", "bg-orders-nightly", "extractors"),
        ("bg", "bg", "mappers"),
    ],
)
def test_a_job_never_has_the_name_of_a_plugin(
    name: str, twice: str, kind: str, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = json.loads(json.dumps(MELTANO_YML))
    given["plugins"].setdefault(kind, []).append({"name": twice})
    (root / "meltano.yml").write_text(yaml.safe_dump(given))
    assert write(root, f"accounts: [{{name: {name}, marketplace: emag_bg}}]") == 2
    assert f"account {name}: name: gives a job the name of a plugin, {twice}, which" in caplog.text


def test_a_damaged_file_of_accounts_is_written_anew(root: Path) -> None:
    (root / project.FILE).write_text("<<<<<<< [conflict", encoding="utf-8")
    assert write(root, THREE) == 0
    assert run(["accounts", "--check"]) == 0


def test_without_a_table_the_command_says_what_to_write(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert read(root, {}) is None
    assert run(["accounts"]) == 2
    assert "accounts.yml: is missing in" in caplog.text
    project.warn_if_outdated(root, {})
    assert caplog.records[-1].levelname == "CRITICAL"


def test_the_main_account_has_what_any_account_gets() -> None:
    """Without plugins of jobs in meltano.yml, the same is made as with those of this project."""
    ours = declared()
    main = {each["name"]: each for each in ours["plugins"]["extractors"]}
    for group, select in project.SELECT.items():
        assert main[f"tap-emag-{group}"]["select"] == select
    for job, days in project.REREAD.items():
        assert main[f"tap-emag-{job}"]["config"] == {"order_reread_days": days}
    jobs = {each["name"]: each["tasks"] for each in ours["jobs"]}
    text = project.text_of(parse("accounts: [{name: fbe, account_type: fbe}]"), ROOT, {})
    for name, tasks in made(text)["jobs"].items():
        ours_too = jobs[name.removeprefix("fbe-") if name != "fbe" else "emag"]
        assert [task.replace("tap-emag-fbe-", "tap-emag-") for task in tasks] == ours_too
    crons = {each["name"]: Cron.parse(each["interval"]) for each in ours["schedules"]}
    for each in EVERY:
        own, other = crons[each], crons[f"fbe-{each}"]
        assert [len(own.minutes), len(own.hours)] == [len(other.minutes), len(other.hours)]
        assert own.weekdays == other.weekdays


def test_the_pages_table_of_many_accounts_is_one(root: Path) -> None:
    tables = [each.text for each in _blocks("yaml") if each.page == "accounts.md"]
    [many] = [text for text in tables if text.startswith("defaults:")]
    assert write(root, many) == 0
    plugins = made((root / project.FILE).read_text())["plugins"]
    assert plugins["tap-emag-shop-2"]["config"]["account_type"] == "shop-2"


def test_the_page_lists_keys_and_defaults_as_they_are() -> None:
    page = (ROOT / "docs/accounts.md").read_text(encoding="utf-8")
    for key in KEYS:
        assert f"`{key}`" in page
    for interval in (*INTERVALS, "never"):
        assert f"`{interval}`" in page


def test_the_doctor_checks_that_the_file_follows_the_table(root: Path) -> None:
    def lines() -> list[tuple[str, str]]:
        report = Report(lambda _: None)
        check_accounts(report, root)
        return [(each["status"], each["text"]) for each in report.document()]

    assert lines() == []
    write(root, THREE)
    assert lines() == [("ok", "1 in accounts.yml, and accounts.meltano.yml follows it")]
    (root / "accounts.yml").write_text("accounts: []")
    assert lines() == [("warning", "accounts.meltano.yml is out of date")]
    (root / "accounts.yml").write_text("accounts: [{name: bg, read: all}]")
    assert lines() == [("fault", "accounts.yml: account bg: read: 'all' will not do")]
