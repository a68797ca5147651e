"""Checks the table of accounts, and the Meltano file that is written from it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tap_emag.errors import ConfigurationError
from tap_emag.ops.accounts import project, table

if TYPE_CHECKING:
    from pathlib import Path

    from tap_emag.ops.doctor.report import Report

CHECK: Final = "Meltano: accounts"


def check_accounts(report: Report, root: Path) -> None:
    """Check that the file of accounts follows from the table; a project may have no table."""
    try:
        found = table.read(root, os.environ)
        if found is None:
            return
        outdated = project.text_of(found, root, os.environ) != project.current(root)
    except ConfigurationError as error:
        problem, _, remedy = error.problems[0].partition("; ")
        report.fault(CHECK, problem, remedy or f"correct {table.FILE}")
        return
    if outdated:
        report.warn(CHECK, f"{project.FILE} is out of date", f"`{project.COMMAND}`")
    else:
        report.ok(CHECK, f"{len(found.accounts)} in {found.source}, and {project.FILE} follows it")
