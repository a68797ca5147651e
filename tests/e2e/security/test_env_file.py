"""Each way that the project shows to make `.env`, which holds passwords, makes it private."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.repository.test_docs import PAGES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = [*PAGES, ROOT / ".env.example", *(ROOT / "deploy").rglob("*")]
MAKES = re.compile(r"(?m)^#? *((?:sudo )?(?:install|cp|mv|touch|echo|printf|cat)\b.* \.env)$")
COMMANDS = {
    (path.name, found)
    for path in SHOWN
    if path.is_file()
    for found in MAKES.findall(path.read_text(encoding="utf-8", errors="replace"))
}


def test_the_ways_to_make_it_are_found() -> None:
    assert {page for page, _ in COMMANDS} >= {"README.md", "running.md", ".env.example"}


@pytest.mark.parametrize("there", [None, 0o644])
@pytest.mark.parametrize(("page", "command"), sorted(COMMANDS))
def test_it_is_readable_by_its_owner_alone(
    page: str, command: str, there: int | None, tmp_path: Path
) -> None:
    shutil.copy(ROOT / ".env.example", tmp_path)
    made = tmp_path / ".env"
    if there:
        made.touch(mode=there)
    own = re.sub(r"^sudo |-[og] emag ", "", command)  # no other user is here
    done = ["/bin/sh", "-c", f"umask 000; {own}"]
    subprocess.run(done, cwd=tmp_path, check=True)
    assert made.stat().st_mode & 0o777 == 0o600, page
    assert made.read_bytes() == (ROOT / ".env.example").read_bytes()
