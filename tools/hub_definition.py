"""Generates the tap's definition for the Meltano Hub, which `meltano add --from-ref` reads as well.

Settings are those that `tap-emag --about` prints, but for those of capabilities that the project
does not use. Capabilities are those of `meltano.yml`, the address that of `pyproject.toml`.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any
from urllib.parse import urlsplit

import yaml
from singer_sdk.about import AboutFormatter

from tap_emag.tap import TapEmag
from tools.meltano_settings import ENDLESS
from tools.tree import ROOT

PATH = "deploy/hub/tap-emag.yml"
HEAD = """\
# Written from `tap-emag --about` by `make generate`. docs/existing-project.md explains its use.
"""
UNUSED = ("batch_", "faker_", "flattening_")
NEXT_STEPS = """\
Register the IP address of your machine in your eMAG marketplace account: the API refuses others.
Then `meltano invoke tap-emag --test` checks the account with two requests.
"""


def files() -> dict[str, str | None]:
    """Return the definition, by its path."""
    text = yaml.safe_dump(definition(), sort_keys=False, allow_unicode=True, width=ENDLESS)
    return {PATH: HEAD + text}


def definition() -> dict[str, Any]:
    """Return the definition in the form of the Hub's schema for extractors."""
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    [plugin, *_] = yaml.safe_load(_text("meltano.yml"))["plugins"]["extractors"]
    about = json.loads(AboutFormatter.get_formatter("json").format_about(TapEmag._get_about_info()))  # noqa: SLF001
    repository = project["urls"]["Repository"]
    [owner] = urlsplit(repository).path.split("/")[1:-1] or ["custom"]
    return {
        "name": plugin["name"],
        "variant": owner.lower(),
        "namespace": plugin["namespace"],
        "label": plugin["label"],
        "description": project["description"],
        "executable": plugin["executable"],
        # Not the bare name, which others could register on the package index before a release.
        "pip_url": f"git+{repository}.git@v{project['version']}",
        "repo": repository,
        "docs": project["urls"]["Documentation"],
        "domain_url": "https://marketplace.emag.ro",
        "maintenance_status": "beta",
        "keywords": ["meltano_sdk", *project["keywords"]],
        "capabilities": plugin["capabilities"],
        "select": plugin["select"],
        "settings_group_validation": plugin["settings_group_validation"],
        "settings": [
            _setting(name, schema)
            for name, schema in about["settings"]["properties"].items()
            if not name.startswith(UNUSED)
        ],
        "next_steps": NEXT_STEPS,
    }


def _setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return an entry. All are texts but maps: the tap's own message names a wrong value."""
    label = schema.get("title") or name.replace("_", " ").capitalize()
    entry = {"name": name, "label": label, "description": schema["description"]}
    entry["kind"] = "object" if "object" in schema["type"] else "string"
    if schema.get("secret"):
        entry["sensitive"] = True
    if "default" in schema:
        entry["value"] = schema["default"]
    return entry


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
