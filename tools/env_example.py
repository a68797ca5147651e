"""Generates the tap's lines of `.env.example` from the declared settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_emag.settings.settings import SETTINGS
from tools.settings_page import default_text
from tools.tree import replaced, with_part

if TYPE_CHECKING:
    from tap_emag.settings.declaration import Setting

PATH = ".env.example"


def files() -> dict[str, str | None]:
    """Return the file: required settings first, the others as comments at its end."""
    required = "".join(_variable(each) for each in SETTINGS if each.required)
    others = "\n".join(
        f"# {each.description}\n#{_variable(each)}" for each in SETTINGS if not each.required
    )
    text = with_part(PATH, "required settings", required)
    return {PATH: replaced(text, PATH, "other settings", others)}


def _variable(setting: Setting) -> str:
    return f"TAP_EMAG_{setting.name.upper()}={default_text(setting)}\n"
