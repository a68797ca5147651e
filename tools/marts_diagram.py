"""Generates `docs/marts-diagram.md`, a diagram of the marts and their keys, from the dbt models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from tap_emag.ops.views.compiled import MARTS
from tools.plain_views import TRANSFORM, definitions

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY: Final = re.compile(r"\b(\w+_key)(?=,|\n)")
PAGE: Final = """\
# Diagram of the marts

<!-- `make generate` writes this page from the dbt models. -->

Each mart with its key, and with the keys of others that it contains. One column is enough for each
join. A `local_date` leads to `dim_dates`. [marts.md](marts.md) describes them.

```mermaid
erDiagram
{lines}
```
"""


def files() -> dict[str, str | None]:
    """Return the page."""
    folder = TRANSFORM / "models" / "marts"
    text = (folder / "_marts.yml").read_text(encoding="utf-8")
    models = {each["name"]: each for each in yaml.safe_load(text)["models"]}
    owners: dict[str, str] = {}
    for name, model in models.items():
        owners.setdefault(_key(model), name)
    keys = {
        each.name: [
            key
            for key in dict.fromkeys(KEY.findall(each.text.rpartition("\nselect\n")[2]))
            if key in owners
        ]
        for each in definitions()
        if each.schema == MARTS and not each.is_seed
    }
    lines = [line for name, model in models.items() for line in _entity(model, keys[name])]
    lines += [line for name in models for line in _relations(name, keys[name], owners)]
    return {"docs/marts-diagram.md": PAGE.format(lines="\n".join(lines))}


def _key(model: dict[str, Any]) -> str:
    """Return the key, empty where several columns make it."""
    for column in model["columns"]:
        if "surrogate_key" in column.get("data_tests", ()):
            return str(column["name"])
    return ""


def _entity(model: dict[str, Any], keys: list[str]) -> Iterator[str]:
    own = _key(model)
    yield f"  {model['name']} {{"
    if own:
        yield f"    {'date' if own.startswith('date') else 'text'} {own} PK"
    for key in keys:
        if key != own:
            yield f"    text {key} FK"
    yield "  }"


def _relations(name: str, keys: list[str], owners: dict[str, str]) -> Iterator[str]:
    for key in keys:
        owner = owners.get(key, name)
        if owner != name:
            yield f"  {owner} ||--o{{ {name} : {key}"
