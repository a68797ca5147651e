"""`make clean` removes what can be made again, and no state."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"
KEPT = [
    ".meltano/meltano.db",
    ".meltano/meltano.db-wal",
    ".meltano/state/dev_tap-emag-to-target-postgres/state.json",
    ".meltano/logs/elt/a/elt.log",
    ".meltano/run/tap-emag/tap.config.json",
    ".env",
    "output/orders.jsonl",
]
REMOVED = [
    ".venv/bin/python",
    ".meltano/extractors/tap-emag/venv/bin/python",
    ".meltano/loaders/target-postgres/venv/bin/python",
    ".meltano/utilities/emag-ops/venv/bin/python",
    ".meltano/cache/discovery.yml",
    ".pytest_cache/CACHEDIR.TAG",
    "tap_emag/__pycache__/tap.pyc",
]


def test_a_clean_keeps_bookmarks_and_settings(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    shutil.copy(MAKEFILE, tmp_path)
    for name in (*KEPT, *REMOVED):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)

    assert [name for name in KEPT if not (tmp_path / name).exists()] == []
    assert [name for name in REMOVED if (tmp_path / name).exists()] == []
