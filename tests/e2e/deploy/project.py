"""A checkout as a server has it: `.venv`, `.meltano` and `.env` in one folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[3]


def lay(folder: Path, plugins: Path, environment: Mapping[str, str]) -> Path:
    """Make such a folder, with plugins that are installed elsewhere, and return it."""
    folder.mkdir(parents=True)
    for name in ("meltano.yml", "accounts.meltano.yml", "logging.yaml"):
        shutil.copy(plugins / name, folder)
    (folder / ".meltano").symlink_to(plugins / ".meltano")
    (folder / ".meltano" / "run").mkdir(exist_ok=True)  # as the installation makes it
    (folder / ".venv").symlink_to(Path(sys.prefix))
    for name in ("deploy", "orchestrate"):
        (folder / name).symlink_to(ROOT / name)
    secrets = folder / ".env"
    secrets.touch(mode=0o600)
    secrets.write_text("".join(f"{name}='{value}'\n" for name, value in environment.items()))
    return folder
