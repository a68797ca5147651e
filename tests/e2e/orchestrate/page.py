"""What a scheduler's page shows to be pasted, run in a folder laid out as its reader's checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.repository.test_docs import _blocks

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKOUT = Path(__file__).resolve().parents[3]
LINKED = ("orchestrate", "requirements", "pyproject.toml")


def block(page: str, beginning: str) -> str:
    """Return the block of a page that begins so."""
    blocks = _blocks("bash", "yaml")
    [text] = [b.text for b in blocks if b.page == page and b.text.startswith(beginning)]
    return text


def commands(page: str, beginning: str) -> list[str]:
    """Return the commands of such a block, each with all its lines."""
    return block(page, beginning).replace("\\\n", " ").splitlines()


def lay(folder: Path, installed: Mapping[str, Path]) -> Path:
    """Make such a checkout, with environments that are made already at their places in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in LINKED:
        (folder / name).symlink_to(CHECKOUT / name)
    for name, place in {".venv": Path(sys.prefix), **installed}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(place)
    return folder


def exported(text: str, folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that a shell in a folder has after these commands."""
    command = ["/bin/sh", "-e", "-c", f"{text}\nenv -0"]
    done = subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)
