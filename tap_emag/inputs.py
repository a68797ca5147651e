"""Files that the command is given beside its settings: read, and refused where they are no JSON."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from tap_emag.errors import ConfigurationError
from tap_emag.parsing import parse

if TYPE_CHECKING:
    from typing import IO


def json_object(name: str, file: IO[str] | None) -> IO[str] | None:
    """Return a file that holds a JSON object, read whole; None where there is none.

    Args:
        name: What the file is: state or catalog.
        file: As it was opened.

    Raises:
        ConfigurationError: It cannot be read, or is no JSON object, or one nobody wrote in earnest.
    """
    if file is None:
        return None
    try:
        text = file.read()
        parsed = parse(text.encode())
        good = isinstance(parsed.value, dict) and not parsed.oddities
    except (OSError, ValueError):
        good, text = False, ""
    if not good:
        raise ConfigurationError([f"{name}: the file is no JSON object; write another, or none"])
    return io.StringIO(text)
