"""A copy of the checkout, in which code may be changed while others work in the checkout itself."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEADY = ("-p", "tests.mutation.steady", "-p", "no:cacheprovider")  # for every pytest in a copy


def copy_checkout(folder: Path) -> Path:
    """Copy the tap, its tests and its settings into a folder; return that folder."""
    for name in ("emag_sandbox", "tap_emag", "tests"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder
