"""What follows from declarations is generated, and the tree has what would be generated."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.generate import generated
from tools.tree import differing, replaced

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    *("tools", "tap_emag", "deploy", "docs", "transform"),
    *("meltano.yml", "accounts.yml", "accounts.meltano.yml", "pyproject.toml", ".env.example"),
)


def test_the_tree_has_what_would_be_generated() -> None:
    assert differing(generated()) == [], "run: make generate"


def test_a_changed_declaration_is_named_by_check_and_written_by_generate(tmp_path: Path) -> None:
    for name in PARTS:
        part = ROOT / name
        if part.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "secrets")
            shutil.copytree(part, tmp_path / name, ignore=ignored)
        else:
            shutil.copy(part, tmp_path / name)
    declaration = tmp_path / "tap_emag/settings/settings.py"
    text = declaration.read_text(encoding="utf-8")
    declaration.write_text(text.replace("Longest pause before", "Final pause before"))
    (tmp_path / "deploy/systemd/tap-emag-gone.timer").write_text("")

    def generate(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tools.generate", *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    checked = generate("--check")
    assert checked.returncode == 1
    assert [line.partition(":")[0] for line in checked.stderr.splitlines()] == [
        "docs/settings.md",
        "meltano.yml",
        ".env.example",
        "deploy/hub/tap-emag.yml",
        "deploy/systemd/tap-emag-gone.timer",
    ]
    assert generate().returncode == 0
    assert (generate("--check").returncode, generate("--check").stderr) == (0, "")
    assert "Final pause before a retry." in (tmp_path / "meltano.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "# generated: a\n", "# end of a\n# generated: a\n"])
def test_a_file_without_its_two_markers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"file: has 0 parts .*; write the two markers once"):
        replaced(text, "file", "a", "body\n")


def test_only_what_is_between_the_markers_changes() -> None:
    text = "x\n  # generated: a, by hand\nold\n  # end of a\ny\n# generated: ab\n# end of ab\n"
    assert replaced(text, "file", "a", "new\n") == text.replace("old", "new")
