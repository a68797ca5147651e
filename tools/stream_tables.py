"""Writes the tables of all streams as JSON, for `emag-ops prepare-tables`.

A job runs that command each time. With this file, it does without the SDK, which takes longest to
import.
"""

from __future__ import annotations

import json
from typing import Final

from tap_emag.streams.row_texts import row_text
from tap_emag.tap import STREAMS

FILE: Final = "tap_emag/ops/tables/streams.json"


def files() -> dict[str, str | None]:
    """Return the text of the file, by its path."""
    tables = [
        [
            stream.table.name,
            row_text(stream),
            stream.table.keys,
            stream.table.indexes,
            stream.table.schema()["properties"],
        ]
        for stream in STREAMS
    ]
    lines = (json.dumps(each, ensure_ascii=False) for each in tables)
    return {FILE: "[\n" + ",\n".join(lines) + "\n]\n"}
