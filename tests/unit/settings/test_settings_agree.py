"""Settings are declared in `tap_emag.settings.settings`: what is generated says the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tap_emag.settings.settings import SETTINGS

if TYPE_CHECKING:
    from tap_emag.settings.declaration import Setting

ROOT = Path(__file__).resolve().parents[3]
BY_NAME = {setting.name: setting for setting in SETTINGS}


@pytest.fixture(scope="module")
def plugins() -> dict[str, dict[str, Any]]:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    return {plugin["name"]: plugin for plugin in project["plugins"]["extractors"]}


@pytest.fixture(scope="module")
def declared(plugins: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {setting["name"]: setting for setting in plugins["tap-emag"]["settings"]}


def test_meltano_knows_exactly_the_settings_there_are(declared: dict[str, dict[str, Any]]) -> None:
    assert list(declared) == list(BY_NAME)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_meltano_says_the_same(setting: Setting, declared: dict[str, dict[str, Any]]) -> None:
    entry = declared[setting.name]
    assert entry["description"] == setting.description
    assert entry.get("value") == _plain(setting.default)
    assert entry.get("sensitive", False) is setting.secret
    # Meltano would guess at a date, and end with a traceback at a wrong number.
    assert entry["kind"] == "string"


def test_meltano_asks_for_what_is_required(plugins: dict[str, dict[str, Any]]) -> None:
    required = [setting.name for setting in SETTINGS if setting.required]
    assert plugins["tap-emag"]["settings_group_validation"] == [required]


def test_other_accounts_inherit_all_and_set_only_what_exists(
    plugins: dict[str, dict[str, Any]],
) -> None:
    for name, plugin in plugins.items():
        if name != "tap-emag":
            assert plugin["inherit_from"] in plugins
            assert set(plugin) <= {"name", "inherit_from", "config", "select"}
            assert set(plugin.get("config", {})) <= set(BY_NAME)


def test_no_secret_has_a_default(declared: dict[str, dict[str, Any]]) -> None:
    assert not [entry for entry in declared.values() if entry.get("sensitive") and "value" in entry]


@pytest.mark.parametrize("page", ["docs/settings.md", ".env.example"])
def test_each_setting_is_explained_once_and_no_other(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    written = r"^\| `(\w+)`(?: \*)? \|" if page.endswith(".md") else r"^#?TAP_EMAG_(?!FBE_)(\w+)="
    found = [name.lower() for name in re.findall(f"(?m){written}", text)]
    assert found == list(BY_NAME)
    assert [each.name for each in SETTINGS if each.description not in text] == (
        [] if page.endswith(".md") else [each.name for each in SETTINGS if each.required]
    )


def _plain(default: object) -> object:
    return list(default) if isinstance(default, tuple) else default
