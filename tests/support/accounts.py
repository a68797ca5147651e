"""A table of as many accounts as a test needs, in a project of its own."""

from __future__ import annotations

import os
from itertools import cycle, islice
from typing import TYPE_CHECKING

import yaml

from tap_emag.ops.accounts.project import text_of, write
from tap_emag.ops.accounts.table import parse
from tap_emag.settings.marketplaces import MARKETPLACES

if TYPE_CHECKING:
    from pathlib import Path

MANY = 50 if os.environ.get("TAP_EMAG_LONG") else 5


def write_accounts(
    root: Path, number: int, host: int = 0, hosts: int = 1, **every: str
) -> dict[str, str]:
    """Write a table over all marketplaces, and its file; return the marketplaces by account.

    Of several hosts each has a part of the accounts: every second one, if there are two. `every`
    has intervals by schedule.
    """
    names = [f"shop-{each}" for each in range(number)]
    of_all = dict(zip(names, islice(cycle(MARKETPLACES), number), strict=True))
    found = {name: of_all[name] for name in names[host::hosts]}
    rows = [
        {"name": name, "marketplace": marketplace, "account_type": name}
        for name, marketplace in found.items()
    ]
    text = yaml.safe_dump({"defaults": {"every": every}, "accounts": rows})
    (root / "accounts.yml").write_text(text, encoding="utf-8")
    write(root, text_of(parse(text), root, {}))
    return found
