"""Generates the table in `docs/settings.md` from the declared settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_emag.settings.settings import SETTINGS
from tools.tree import with_part

if TYPE_CHECKING:
    from tap_emag.settings.declaration import Setting

PATH = "docs/settings.md"
HEAD = """
Secret settings are marked with *: no log shows them.

| setting | default | allowed | meaning |
| --- | --- | --- | --- |
"""


def files() -> dict[str, str | None]:
    """Return the page."""
    rows = "".join(map(_row, SETTINGS))
    return {PATH: with_part(PATH, "settings", f"{HEAD}{rows}\n")}


def default_text(setting: Setting) -> str:
    """Return a default as it is written into `.env`, "" where there is none."""
    default = setting.plain_default
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None else str(default)


def _row(setting: Setting) -> str:
    default = default_text(setting)
    shown = "required" if setting.required else f"`{default}`" if default else setting.shown
    name = f"`{setting.name}`" + (" *" if setting.secret else "")
    return f"| {name} | {shown} | {setting.kind.allowed} | {setting.description} |\n"
