"""Runs Meltano, and writes the processor time of its own and of its plugins to the file USAGE."""

from __future__ import annotations

import atexit
import json
import os
import resource
from pathlib import Path

from meltano.cli import main


def write() -> None:
    """Write both, in seconds."""
    kinds = {"meltano": resource.RUSAGE_SELF, "plugins": resource.RUSAGE_CHILDREN}
    used = {name: resource.getrusage(kind) for name, kind in kinds.items()}
    seconds = {name: each.ru_utime + each.ru_stime for name, each in used.items()}
    Path(os.environ["USAGE"]).write_text(json.dumps(seconds), encoding="utf-8")


atexit.register(write)
main()
