"""Parses request bodies: flat JSON or a flat form; nested `data` is ignored."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import parse_qsl

LISTED: Final = re.compile(r"(\w+)\[\d*\]")


def parse_body(body: bytes) -> dict[str, Any]:
    """Return the filters of a request; an empty body has none.

    Raises:
        ValueError: when the body is neither a JSON object nor a form.
    """
    text = body.decode()
    if not text.strip():
        return {}
    if text.lstrip()[0] in "{[":
        found = json.loads(text)
        flat = found if isinstance(found, dict) else {}
    else:
        flat = _form(text)
    return {name: value for name, value in flat.items() if name != "data" and value is not None}


def _form(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=True):
        listed = LISTED.fullmatch(name)
        if listed is None:
            found[name] = value
        else:
            found.setdefault(listed[1], []).append(value)
    return found
