"""dbt's staging views show every table, labels beside codes, and name people in one view alone."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import yaml

from tap_emag.ops.tables.declared import OF_MARTS
from tap_emag.settings.marketplaces import MARKETPLACES
from tap_emag.tap import STREAMS
from tools.dbt_staging import FOREIGN, LABELS, NOT_JOINED, PARENTS, key_name, shown

ROOT = Path(__file__).resolve().parents[2]
TRANSFORM = ROOT / "transform"
TABLES = {stream.table.name: stream.table for stream in STREAMS}
CODE_LISTS = {name for name, table in TABLES.items() if table.keys[2:] == ("code",)}
VIEWED = TABLES.keys() - CODE_LISTS


def hidden_by_the_page() -> dict[str, set[str]]:
    """Return the columns that docs/personal-data.md drops or hashes, by table."""
    page = (ROOT / "docs/personal-data.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(text) for text in re.findall(r"(?s)```yaml\n(.*?)```", page)]
    [maps] = [
        plugin["config"]["stream_maps"]
        for block in blocks
        for plugin in block["plugins"]["extractors"]
        if "config" in plugin
    ]
    return {table: set(columns) for table, columns in maps.items()}


def test_every_table_but_a_list_of_codes_has_a_view_with_its_key_first() -> None:
    views = {path.stem for path in TRANSFORM.glob("models/staging/stg_emag__*.sql")}
    assert views == {f"stg_emag__{name}" for name in VIEWED} | {"stg_emag__personal_data"}
    for name in VIEWED:
        assert shown(TABLES[name])[0].name == key_name(name)


def test_every_list_of_codes_is_joined_or_left_out_with_a_reason() -> None:
    joined = {codes for codes, *_ in LABELS.values()}
    assert joined | NOT_JOINED.keys() == CODE_LISTS
    assert not joined & NOT_JOINED.keys()


def test_what_is_declared_of_columns_is_of_columns_that_are_there() -> None:
    columns = {name: {c.name for c in table.columns} for name, table in TABLES.items()}
    for table, column in LABELS:
        assert column in columns[table]
    for table, keys in FOREIGN.items():
        assert {part for parts in keys.values() for part in parts} <= columns[table]
    for table, parent in PARENTS.items():
        assert {ours for _, ours in parent.on} <= columns[table]


def test_views_show_no_column_that_may_name_a_person() -> None:
    for table, columns in hidden_by_the_page().items():
        names = {each.name for each in shown(TABLES[table])}
        assert names & columns == set(), table


def test_views_with_amounts_have_a_currency() -> None:
    for name in VIEWED:
        if any(column.vat for column in TABLES[name].columns):
            assert "currency" in {each.name for each in shown(TABLES[name])}, name


def test_marts_read_personal_data_from_nowhere() -> None:
    for path in TRANSFORM.glob("models/marts/*.sql"):
        assert "personal_data" not in path.read_text(encoding="utf-8")


def test_marketplaces_have_the_zones_of_the_tap() -> None:
    with (TRANSFORM / "seeds/marketplaces.csv").open(encoding="utf-8") as file:
        zones: dict[str, Any] = {
            row["marketplace"]: row["timezone"] for row in csv.DictReader(file)
        }
    assert zones == {name: place.timezone for name, place in MARKETPLACES.items()}


def test_a_build_notes_the_tables_that_have_an_index_for_it() -> None:
    text = (ROOT / "transform/models/intermediate/int_loaded.sql").read_text(encoding="utf-8")
    assert {*re.findall(r"'(\w+)'", text.partition("%}")[0])} == OF_MARTS


def test_a_build_is_done_when_all_marts_are_built() -> None:
    """All but the view that shows what is true when it is asked."""
    text = (ROOT / "transform/models/intermediate/int_built.sql").read_text(encoding="utf-8")
    named = {*re.findall(r"'(\w+)'", text.partition("{% for")[2].partition("%}")[0])}
    marts = {file.stem for file in (ROOT / "transform/models/marts").glob("*.sql")}
    assert named == marts - {"emag_freshness"}
