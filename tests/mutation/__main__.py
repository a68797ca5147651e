"""`python -m tests.mutation FOLDER`: measure tests with the mutmut in FOLDER, write the page."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.mutation.copies import ROOT, copy_checkout
from tests.mutation.page import explanations, obsolete, page, unexplained
from tests.mutation.tool import ToolError, outcome

PAGE = ROOT / "docs" / "mutants.md"


def main() -> int:
    """Return 0 when every mutant was noticed or is explained, 1 when not, 2 when mutmut failed."""
    tool, begun = Path(sys.argv[1]).resolve(), time.monotonic()
    known = explanations()
    try:
        with tempfile.TemporaryDirectory(prefix="tap-emag-mutants-") as folder:
            found = outcome(copy_checkout(Path(folder)), tool)
    except ToolError as error:
        _tell(str(error))
        return 2
    PAGE.write_text(page(found, known), encoding="utf-8")
    new, old = unexplained(found.survivors, known), obsolete(found.survivors, known)
    for one in new:
        _tell(f"survives: {one.module}, {one.function}: {one.text}")
    for line in old:
        _tell(f"explained, but does not survive here: {line}")
    seconds = time.monotonic() - begun
    _tell(f"{sum(found.made.values())} mutants in {seconds:.0f} s; docs/mutants.md tells of them")
    return 1 if new else 0


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
