"""Build `docs/` as a site, in strict mode: a broken link is an error.

PYTHONPATH=.venv/docs python -m tools.docs_site .site

The navigation follows `docs/index.md`, so that a page is listed once.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FROM_ROOT = ("CHANGELOG.md", "CONTRIBUTING.md")
CONFIG = """\
# Written by tools/docs_site.py.
site_name: tap-emag
docs_dir: docs
site_dir: html
strict: true
theme:
  name: material
  font: false
  features: [navigation.sections, content.code.copy]
markdown_extensions:
  - tables
  - pymdownx.superfences:
      custom_fences:
        - name: mermaid
          class: mermaid
          format: !!python/name:pymdownx.superfences.fence_code_format
nav:
  - Overview: index.md
"""


def index() -> dict[str, dict[str, str]]:
    """Return what docs/index.md lists: by section, the file of each title."""
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    _, *parts = re.split(r"(?m)^## (.+)$", text)
    return {
        section: dict(re.findall(r"(?m)^- \[([^\]]+)\]\(([^)]+)\): ", listed))
        for section, listed in zip(parts[::2], parts[1::2], strict=True)
    }


def stage(folder: Path) -> None:
    """Write pages and configuration of the site into a folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = folder / "docs"
    shutil.copytree(ROOT / "docs", pages)
    for page in pages.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(re.sub(r"\]\(\.\./", "](", text), encoding="utf-8")
    for page in pages.glob("*/*.md"):  # in other languages
        text = page.read_text(encoding="utf-8").replace("](../../README.md)", "](../index.md)")
        text = re.sub(r"\[([^\]]+)\]\(\.\./\.\./LICENSE\)", r"\1", text)
        page.write_text(text.replace("](../../", "](../"), encoding="utf-8")
    for name in FROM_ROOT:
        text = (ROOT / name).read_text(encoding="utf-8")
        (pages / name).write_text(text.replace("](docs/", "]("), encoding="utf-8")
    lines = []
    for section, listed in index().items():
        lines.append(f"  - {section}:")
        lines += [f"      - {title}: {file.removeprefix('../')}" for title, file in listed.items()]
    (folder / "mkdocs.yml").write_text(CONFIG + "\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Build the site; exit with 1 if zensical finds a problem."""
    folder = Path(sys.argv[1]).resolve()
    stage(folder)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file"]
    done = subprocess.run([*command, str(folder / "mkdocs.yml")], check=False)  # noqa: S603
    if done.returncode:
        sys.exit(1)
    sys.stdout.write(f"{folder / 'html' / 'index.html'}\n")


if __name__ == "__main__":
    main()
