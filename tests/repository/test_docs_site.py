"""The pages build as a site, and no link in them is broken."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.repository.test_docs import PAGES, ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_the_site_builds_in_strict_mode_with_every_page(tmp_path: Path) -> None:
    # The environment that the tests run in stays as it is, were it out of date.
    command = ["make", "-o", ".venv/.ready", "docs", f"SITE={tmp_path / 'site'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    built = {page.parent.name for page in (tmp_path / "site" / "html").glob("*/index.html")}
    for folder in ("ro", "ro/get-started", "bg/start", "hu/start"):
        assert (tmp_path / "site" / "html" / folder / "index.html").exists(), folder
    assert {page.stem for page in PAGES} - {"index", "README", "SECURITY"} <= built
