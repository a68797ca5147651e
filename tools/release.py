"""Checks what a release needs, and writes its notes: the changelog's section of its version.

python -m tools.release v0.1.0 https://github.com/owner/name

Exit code 1 if something is missing; each line of the error stream names one thing to do.
"""

from __future__ import annotations

import re
import sys
import tomllib

from tools.tree import ROOT


def problems(tag: str, address: str) -> list[str]:
    """Return what is missing for a release, each with what to do.

    Args:
        tag: The tag of git, such as v0.1.0.
        address: Where the repository is, without a slash at the end.
    """
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    version, written = project["version"], project["urls"]["Repository"]
    found = []
    if tag != f"v{version}":
        found.append(f"pyproject.toml: version {version} is not {tag}; change one of them")
    if not notes(version):
        found.append(f"CHANGELOG.md: no section for {version}; rename `## Unreleased`")
    if written != address:
        found.append(f"pyproject.toml: the addresses begin with {written}; write {address}")
    return found


def notes(version: str) -> str:
    """Return the changelog's section of a version, without its heading; "" if there is none."""
    heading = rf"## {re.escape(version)}\b[^\n]*\n"
    section = re.search(rf"(?ms)^{heading}(.*?)(?=^## |\Z)", _text("CHANGELOG.md"))
    return section[1].strip() if section else ""


def main(tag: str, address: str) -> int:
    """Print the notes, or what is missing; return the exit code."""
    found = problems(tag, address)
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    if not found:
        sys.stdout.write(f"{notes(tag.removeprefix('v'))}\n")
    return int(bool(found))


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
