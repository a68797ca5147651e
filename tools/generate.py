"""Writes every file that follows from a declaration.

python -m tools.generate           write them
python -m tools.generate --check   only name those that differ; exit code 1 if there are any
"""

from __future__ import annotations

import argparse
import sys

from tools import (
    accounts_file,
    api_keys_page,
    dbt_staging,
    env_example,
    hub_definition,
    marts_diagram,
    meltano_settings,
    metrics_page,
    plain_views,
    schedule_files,
    settings_page,
    stream_tables,
    tables_diagram,
    tables_page,
)
from tools.tree import differing, write

GENERATORS = (
    settings_page,
    meltano_settings,
    accounts_file,
    env_example,
    hub_definition,
    tables_page,
    tables_diagram,
    api_keys_page,
    dbt_staging,
    marts_diagram,
    metrics_page,
    plain_views,
    schedule_files,
    stream_tables,
)


def generated() -> dict[str, str | None]:
    """Return the text of each generated file, by path; None for one that has to go."""
    return {path: text for each in GENERATORS for path, text in each.files().items()}


def main() -> int:
    """Write the files, or name those that differ; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the files that follow from declarations.")
    parser.add_argument("--check", action="store_true", help="write nothing, name what differs")
    if not parser.parse_args().check:
        for each in GENERATORS:  # one after the other: the schedules of accounts become timers
            write(each.files())
        return 0
    found = differing(generated())
    for path in found:
        sys.stderr.write(f"{path}: differs from its declaration; run `make generate`\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
