"""Generates the tap's `settings:` in `meltano.yml` from the declared settings.

All are of the kind string: the tap's own message names a wrong value and what to write instead,
where Meltano would guess at a date (01.02. as the 2nd of January), or end with a traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from tap_emag.settings.settings import SETTINGS
from tools.tree import with_part

if TYPE_CHECKING:
    from tap_emag.settings.declaration import Setting

INDENT = "    "
ENDLESS = 10_000  # characters of a line: none is wrapped


def files() -> dict[str, str | None]:
    """Return `meltano.yml`."""
    text = yaml.safe_dump(
        [_entry(each) for each in SETTINGS], sort_keys=False, allow_unicode=True, width=ENDLESS
    )
    body = "".join(f"{INDENT}{line}" for line in text.splitlines(keepends=True))
    return {"meltano.yml": with_part("meltano.yml", "settings", body)}


def _entry(setting: Setting) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": setting.name, "kind": "string"}
    if setting.secret:
        entry["sensitive"] = True
    if setting.plain_default is not None:
        entry["value"] = setting.plain_default
    return entry | {"description": setting.description}
