"""Makes the page: one file of HTML with all answers, which makes no request to the network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final

import altair as alt
import vl_convert

from tap_emag.ops.report.charts import CHARTS, COLOURS, STEP, TOP, Words
from tap_emag.ops.report.words import LANGUAGES, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_emag.ops.report.answers import Answer

ASSETS: Final = Path(__file__).with_name("assets")
EMBEDDED: Final = 100  # rows of a table, of each account and currency
TABLES: Final = "12_freshness"  # the question whose answer lists the tables
IDS: Final = ("order_id", "product_id")
# A text in HTML that ends no element and begins none, and is the same in JSON.
ESCAPED: Final = str.maketrans(
    {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
)
Row = dict[str, Any]


def page(answers: Sequence[Answer], *, now: datetime, language: str) -> str:
    """Return the HTML of the page, as it first opens in a language."""
    all_words = {each: words(each) for each in LANGUAGES}
    rows = [row for answer in answers for row in answer.dicts()]
    report = {
        "language": language,
        "languages": LANGUAGES,
        "written": now,
        "words": all_words,
        "accounts": _distinct(rows, "account_key"),
        "currencies": _distinct(rows, "currency"),
        "fresh": _fresh(answers),
        "top": TOP,
        "step": STEP,
        "colours": COLOURS,
        "questions": [_question(answer, now, all_words, _loaded(answers)) for answer in answers],
    }
    data = json.dumps(report, default=_plain, ensure_ascii=False).translate(ESCAPED)
    # "6.4" of "v6.4.1": the library has to know what altair writes.
    version = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
    library = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", version)
    scripts = [library.replace("</script", "<\\/script"), _asset("report.js")]
    return Template(_asset("report.html")).substitute(
        hashes=" ".join(_hash(script) for script in scripts),
        css=_asset("report.css"),
        report=data,
        library=scripts[0],
        script=scripts[1],
    )


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _plain(value: object) -> str:
    """Spell what JSON has no type for; decimals as texts, so that they stay exact."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} in an answer")


def _distinct(rows: Iterable[Row], name: str) -> list[str]:
    return sorted({row[name] for row in rows if row.get(name)})


def _tables(answers: Iterable[Answer]) -> list[Row]:
    return [row for each in answers if each.question.name == TABLES for row in each.dicts()]


def _loaded(answers: Iterable[Answer]) -> set[str]:
    """Return the tables that have rows; none if that is not known."""
    return {row["table_name"] for row in _tables(answers) if row["rows"]}


def _fresh(answers: Iterable[Answer]) -> list[Row]:
    """Return for each account since when all of it was read, and what is not complete."""
    tables = _tables(answers)
    found = []
    for account in _distinct(tables, "account_key"):
        own = [row for row in tables if row["account_key"] == account]
        synced = [row for row in own if row["last_sync_at"]]
        found.append(
            {
                "account_key": account,
                "last_sync_at": min((row["last_sync_at"] for row in synced), default=None),
                "incomplete": [row["table_name"] for row in synced if not row["is_complete"]],
                "orders": next((row["rows"] for row in own if row["table_name"] == "orders"), None),
            }
        )
    return found


def _question(answer: Answer, now: datetime, all_words: dict[str, Any], loaded: set[str]) -> Row:
    name, rows = answer.question.name, answer.dicts()
    chart = CHARTS[name]
    missing = answer.missing
    if not rows and loaded and chart.table not in loaded:
        missing = chart.table
    counts: Counter[tuple[str | None, str | None]] = Counter()
    embedded = []
    for row in rows:
        key = (row.get("account_key"), row.get("currency"))
        counts[key] += 1
        if counts[key] <= EMBEDDED:
            embedded.append(row)
    return {
        "name": name,
        "query": answer.question.query,
        "missing": missing,
        "columns": [{"name": each, "kind": _kind(each, rows)} for each in answer.columns],
        "rows": embedded,
        "totals": [
            {"account_key": account, "currency": currency, "rows": number}
            for (account, currency), number in counts.items()
        ],
        "chart": {
            "rows": chart.data(rows, now),
            "specs": {each: chart.spec(Words(found)) for each, found in all_words.items()},
            "measure": chart.measure,
            "money": chart.is_money,
            "bars": chart.bars,
            "top": chart.top,
            "dated": chart.dated,
        },
    }


def _kind(name: str, rows: Sequence[Row]) -> str:
    """Return how the page shows a column."""
    value = next((row[name] for row in rows if row[name] is not None), None)
    by_name = {"currency": "currency", "month_start": "month", "product": "text", "reason": "text"}
    if name in by_name:
        return by_name[name]
    if name in IDS:
        return "id"
    if name.endswith("_percent"):
        return "percent"
    if "_net" in name or "_gross" in name:
        return "money"
    kinds = ((bool, "flag"), (datetime, "time"), (date, "date"), (int | Decimal, "count"))
    return next((kind for type_, kind in kinds if isinstance(value, type_)), "word")
