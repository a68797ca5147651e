"""Build hook: make the README's links absolute, for the page of a package index.

The address comes from `project.urls` in `pyproject.toml`, its only place.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

RELATIVE = re.compile(r"\]\((?![a-z]+:|#)([^)\s]+)\)")


class ReadmeHook(MetadataHookInterface):
    """Hatchling calls this once for each build."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the field `readme`."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        place = f"{metadata['urls']['Repository']}/blob/v{metadata['version']}"
        text = RELATIVE.sub(rf"]({place}/\1)", text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
