"""Runs a command and writes its resource usage to a file: `python usage.py FILE COMMAND...`.

The system's figure for the peak memory of a process is never below its parent's at the start. So
the benchmark starts the measured tap through this script, which imports very little.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in what the system counts memory by


def main() -> int:
    """Run the command; return its exit code."""
    file, *command = sys.argv[1:]
    begun = time.monotonic()
    code = subprocess.call(command)  # noqa: S603 - our own taps
    seconds = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * UNIT,
    }
    with open(file, "w", encoding="utf-8") as out:  # noqa: PTH123 - pathlib is a large import
        json.dump(figures, out)
    return code


if __name__ == "__main__":
    sys.exit(main())
