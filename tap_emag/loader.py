"""The command `emag-loader`: the loader target-postgres, with a log for people.

Meltano installs it into the loader's environment. The loader itself would log each of its SQL
statements.
"""

from __future__ import annotations

import logging
import os
import sys

LEVEL = "TARGET_POSTGRES_LOGLEVEL"
USUAL = "WARNING"  # a level that leaves out SQL and metrics


def main() -> None:
    """Run target-postgres with the arguments of this process."""
    level = os.environ.setdefault(LEVEL, USUAL)
    from target_postgres.target import TargetPostgres  # noqa: PLC0415

    command = TargetPostgres.cli  # the SDK sets up logging here, by Meltano's file if there is one
    logging.getLogger().setLevel(level.upper())
    sys.exit(command())


if __name__ == "__main__":
    main()
