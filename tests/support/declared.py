"""What the project declares: meltano.yml, and the file of accounts that it includes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tap_emag.ops.meltano.pipelines import documents, named_in, plugins_of

ROOT = Path(__file__).resolve().parents[2]


def declared(root: Path = ROOT) -> dict[str, Any]:
    """Return plugins, jobs and schedules of all files of a project, in the form of one."""
    found = list(documents(root))
    kinds = ("extractors", "loaders", "utilities")
    return {
        "plugins": {kind: list(plugins_of(found, kind)) for kind in kinds},
        **{key: list(named_in(found, key)) for key in ("jobs", "schedules", "environments")},
    }
