"""Generates `tap_emag/ops/views/compiled.sql`: dbt's models as plain views, for those without dbt.

The models are rendered as a build from nothing renders them. Whatever they take from dbt or from a
database stays a name in braces, which `emag-ops create-views` fills.
"""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import jinja2
import yaml

from tap_emag.ops.views.compiled import FILE, MARTS, PERSONAL, STAGING, Definition, text_of
from tools.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATH: Final = f"tap_emag/ops/views/{FILE}"
TRANSFORM: Final = ROOT / "transform"
# Models that only a build needs.
OF_BUILDS: Final = (
    *("int_loaded", "int_built"),
    *("int_orders_changed", "int_invoices_changed"),
    *("int_offers_changed", "int_returns_changed"),
)
# Macros that ask a database, or contain a secret.
REPLACED: Final = """
{% macro emag_table(name, personal=false) %}{{ table(name, personal) }}{% endmacro %}
{% macro customer_salt() %}(select salt from {{ ref('customer_salt') }} as given){% endmacro %}
"""


def files() -> dict[str, str | None]:
    """Return the file with all views, each after those that it reads."""
    return {PATH: text_of(definitions())}


def definitions() -> Iterator[Definition]:
    """Yield seeds, then the views."""
    project = yaml.safe_load((TRANSFORM / "dbt_project.yml").read_text(encoding="utf-8"))
    for file in sorted((TRANSFORM / "seeds").glob("*.csv")):
        yield _seed(file, project["seeds"]["emag"][file.stem]["+column_types"])
    waiting = {each.name: each for each in _views()}
    tables: dict[str, tuple[str, ...]] = {}
    while waiting:  # dbt has made sure that there is no circle
        for name, view in sorted(waiting.items()):
            if not view.reads & waiting.keys():
                # A view that names none is about the tables of the views that it reads.
                read = sorted(view.reads & tables.keys())
                of = view.of or tuple(dict.fromkeys(each for one in read for each in tables[one]))
                tables[name] = of
                yield replace(waiting.pop(name), of=of)


def _seed(file: Path, types: dict[str, str]) -> Definition:
    with file.open(encoding="utf-8", newline="") as lines:
        head, *rows = csv.reader(lines)
    columns = ", ".join(f"{name} {types[name]}" for name in head)
    values = ",\n".join(f"    ({', '.join(map(_literal, row))})" for row in rows)
    return Definition(file.stem, MARTS, f"({columns})\nvalues\n{values}", is_seed=True)


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _views() -> Iterator[Definition]:
    folder = TRANSFORM / "models"
    macros = [file.read_text(encoding="utf-8") for file in sorted(TRANSFORM.glob("macros/*.sql"))]
    # dbt alone knows what a materialization is.
    before = "\n".join(each for each in macros if "{% materialization" not in each) + REPLACED
    environment = jinja2.Environment(  # noqa: S701 - SQL, no HTML
        extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined
    )
    described = {
        each["name"]: each
        for name in ("marts/_marts.yml", "staging/_emag__models.yml")
        for each in yaml.safe_load((folder / name).read_text(encoding="utf-8"))["models"]
    }
    for file in sorted(folder.glob("*/*.sql")):
        if file.stem not in OF_BUILDS:
            template = environment.from_string(before + file.read_text(encoding="utf-8"))
            about = described.get(file.stem, {})
            tables: list[str] = []
            text = template.render(_of_dbt(tables))
            of = about.get("config", {}).get("meta", {}).get("of")
            if of is None:
                of = [file.stem.removeprefix("stg_emag__")]
                of = of if of[0] in tables else tables
            yield Definition(
                file.stem,
                MARTS if file.parent.name == "marts" else STAGING,
                re.sub(r"\n\s*\n+", "\n", re.sub(r"-- depends_on.*", "", text)).strip(),
                tuple(dict.fromkeys(of)),
                " ".join(str(about.get("description", "")).split()),
            )


def _of_dbt(tables: list[str]) -> dict[str, Any]:
    """Return what models may ask dbt for; no build goes on, and there is no database."""

    def table(name: str, personal: bool) -> str:  # noqa: FBT001 - as the macro has it
        tables.append(name)
        return f"{{{name}{PERSONAL if personal else ''}}}"

    return {
        "table": table,
        "ref": lambda name: f"{{{name}}}",
        "config": lambda **_: "",
        "is_incremental": lambda: False,
        "execute": False,
        "plain": True,
    }
