"""Prints a pool for each account, for `airflow pools import`.

A pool's slots are how many jobs of the account may run at the same time.

    python orchestrate/airflow/write_pools.py > pools.json
    airflow pools import pools.json
"""

from __future__ import annotations

import argparse
import json
import sys

import emag_airflow  # noqa: F401 - what follows is found by that
from orchestrate.meltano.project import MeltanoError, Project
from orchestrate.meltano.schedules import accounts, schedules


def main() -> int:
    """Print the pools as JSON; return 1 if Meltano cannot be asked."""
    parser = argparse.ArgumentParser(description="Print a pool for each account, as JSON.")
    parser.add_argument("--slots", type=int, default=1, help="jobs of an account at once")
    slots = parser.parse_args().slots
    try:
        found = accounts(schedules(Project.from_environment()))
    except MeltanoError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    pools = {
        account: {
            "slots": slots,
            "description": f"Jobs of the eMAG account {account} at once",
            "include_deferred": False,
        }
        for account in found
    }
    sys.stdout.write(json.dumps(pools, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
