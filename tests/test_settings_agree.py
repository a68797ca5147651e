"""Settings are declared in `tap_emag.declared`; `meltano.yml` and the README keep up with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tap_emag.declared import SETTINGS

if TYPE_CHECKING:
    from tap_emag.declared import Setting

ROOT = Path(__file__).resolve().parents[1]
KINDS = {
    "string": {"string"},
    "integer": {"integer"},
    "number": {"string"},
    "date-time": {"date_iso8601"},
    "integer-list": {"array"},
}
BY_NAME = {setting.name: setting for setting in SETTINGS}


@pytest.fixture(scope="module")
def plugins() -> dict[str, dict[str, Any]]:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    return {plugin["name"]: plugin for plugin in project["plugins"]["extractors"]}


@pytest.fixture(scope="module")
def declared(plugins: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {setting["name"]: setting for setting in plugins["tap-emag"]["settings"]}


@pytest.fixture(scope="module")
def explained() -> dict[str, list[str]]:
    """Rows of the README's table: | `name` | default | description |."""
    readme = ROOT / "README.md"
    assert readme.exists(), "write README.md, with a table of the settings"
    rows: dict[str, list[str]] = {}
    for line in readme.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        name = re.fullmatch(r"`(\w+)`", cells[0])
        if line.startswith("| `") and name and len(cells) == 3 and name[1] not in rows:
            rows[name[1]] = cells[1:]
    assert rows, "README.md has no settings table: rows like | `name` | default | description |"
    return rows


def test_meltano_knows_exactly_the_settings_there_are(declared: dict[str, dict[str, Any]]) -> None:
    assert list(declared) == list(BY_NAME)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_meltano_says_the_same(setting: Setting, declared: dict[str, dict[str, Any]]) -> None:
    entry = declared[setting.name]
    assert entry["description"] == setting.description
    assert entry.get("value") == _plain(setting.default)
    assert entry.get("sensitive", False) is setting.secret
    assert entry["kind"] in KINDS[setting.kind]


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


def test_the_readme_explains_exactly_the_settings_there_are(
    explained: dict[str, list[str]],
) -> None:
    assert [name for name in explained if name in BY_NAME] == list(BY_NAME)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_readme_says_the_same(setting: Setting, explained: dict[str, list[str]]) -> None:
    assert setting.name in explained, f"README.md does not explain `{setting.name}`"
    default, description = explained[setting.name]
    assert description.replace("`", "") == setting.description
    shown = _plain(setting.default)
    if setting.required:
        assert default == "required"
    elif shown is not None:
        assert default.strip("`") == str(shown)


def _plain(default: object) -> object:
    return list(default) if isinstance(default, tuple) else default
