"""`python -m emag_sandbox.postgres`: a PostgreSQL for trials, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from emag_sandbox.postgres.server import LocalPostgres

ENDED_BY = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """Start the server, print its address as lines for `.env`, and wait for a signal."""
    parser = argparse.ArgumentParser(
        prog="python -m emag_sandbox.postgres", description="Serve a PostgreSQL until Ctrl-C."
    )
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        help="keep the data there for the next time; by default they are gone at the end",
    )
    options = parser.parse_args()
    with LocalPostgres(options.folder) as postgres:
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDED_BY)
        for name, value in postgres.environment().items():
            print(f"{name}={value}", flush=True)  # noqa: T201 - what it is run for
        signal.sigwait(ENDED_BY)


if __name__ == "__main__":
    main()
