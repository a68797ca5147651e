"""Generates the plugins, jobs and schedules of the accounts in `accounts.yml`."""

from __future__ import annotations

from tap_emag.ops.accounts import project, table
from tools.tree import ROOT


def files() -> dict[str, str | None]:
    """Return the file that `emag-ops accounts` writes."""
    found = table.read(ROOT, {})
    return {project.FILE: project.text_of(found, ROOT, {}) if found else None}
