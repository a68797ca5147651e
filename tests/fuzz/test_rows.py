"""Whatever stands in a row: it comes to its table or to rejected_rows, and so do all others.

Real replies of a sandbox, several rows of each spoiled, go through the real client, readers and
streams.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.schema.cleaning import clean
from tests.fuzz.runs import FAMILIES, LONG, sync
from tests.fuzz.spoiler import Spoiler
from tests.fuzz.spoils import Spoiled, spoil
from tests.unit.streams.rows.losses import forms, leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.runs import Run

SEEDS = range(60 if LONG else 2)
# Keys by which a row is known to be of what was asked for: a wrong one is an error.
SPARE = {"order": ("modified", "type"), "rma": ("date",), "order/volumetry": ("order_id",)}
SPOILED = 0.6  # of the rows of a reply
HISTORY_DAYS = 25
# eMAG's invoices bear the last day of a month, which may lie 31 days back.
BEGIN_DAYS = 33
STRINGS = re.compile(r'"([^"\\]*)"')
ZERO = {"0000-00-00 00:00:00"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    config = SandboxConfig(
        orders=40,
        offers=30,
        returns=12,
        categories=8,
        localities=12,
        invoices=8,
        customer_invoices=8,
        history_days=HISTORY_DAYS,
        row_envelope="list",
        limits=False,
    )
    with Sandbox(config) as sandbox:
        yield sandbox


@dataclass
class Spoils:
    """Spoils rows, each in the same way whenever it is sent."""

    resource: str
    seed: int
    sent: dict[str, Spoiled] = field(default_factory=dict)

    def __call__(self, resource: str, body: bytes, _number: int) -> bytes:
        if resource != f"{self.resource}/read":
            return body
        reply = json.loads(body)
        texts: dict[str, Spoiled] = {}
        for rows in lists_of_rows(reply):
            for place, row in enumerate(rows):
                spoiled = self._spoiled(row)
                name = f"@@row {len(texts)}@@"
                texts[name], rows[place] = spoiled, name
        text = json.dumps(reply)
        for name, spoiled in texts.items():
            text = text.replace(f'"{name}"', spoiled.text)
        return text.encode()

    def _spoiled(self, row: Any) -> Spoiled:  # noqa: ANN401
        known = json.dumps(row, sort_keys=True)
        if known not in self.sent:
            mark = hashlib.sha256(f"{self.seed}{known}".encode()).hexdigest()[:12]
            dice = Random(mark)
            spare = SPARE.get(self.resource, ())
            spoiled = spoil(row, dice, mark, spare) if dice.random() < SPOILED else Spoiled(row)
            self.sent[known] = spoiled
        return self.sent[known]


def lists_of_rows(reply: dict[str, Any]) -> Iterator[list[Any]]:
    """Yield the lists in a reply that hold rows."""
    results = reply["results"]
    if isinstance(results, dict) and "invoices" in results:
        results = results["invoices"]
    if isinstance(results, list):
        yield results


def said_by(run: Run, streams: list[str]) -> set[tuple[str, object]]:
    """Return all forms of what a run wrote, also within texts that hold JSON."""
    said: set[tuple[str, object]] = set()
    todo: list[Any] = list(leaves(run.rows(*streams, "rejected_rows")))
    while todo:
        leaf = todo.pop()
        said |= forms(leaf)
        if isinstance(leaf, str) and leaf[:1] in ("[", "{", '"'):
            todo += inside(leaf)
    return said


def inside(text: str) -> list[Any]:
    """Return the scalars of a text that is JSON; of one too deep to read, the texts in it."""
    try:
        return list(leaves(json.loads(text, parse_float=Decimal)))
    except ValueError:
        return []
    except RecursionError:
        return [part for part in STRINGS.findall(text) if part[:1] not in ("[", "{")]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("resource", FAMILIES)
def test_every_row_comes_to_its_table_or_to_the_rejected_ones(
    sandbox: Sandbox, resource: str, seed: int
) -> None:
    spoils = Spoils(resource, seed)
    streams = FAMILIES[resource]
    begin = datetime.now(timezone.utc) - timedelta(days=BEGIN_DAYS)
    with Spoiler(sandbox, spoils) as spoiler:
        run = sync(spoiler.url, [*streams, "rejected_rows"], start_date=begin.isoformat())
    assert spoils.sent, "nothing was read"
    assert run.error is None
    said = said_by(run, streams)
    if resource == "order/volumetry":  # an order without measures has no row
        said |= {form for key in sandbox.world.order_keys() for form in forms(key[1])}
    lost = [
        str(leaf)[:80]
        for spoiled in spoils.sent.values()
        for leaf in leaves(clean(list(spoiled.says())))
        if leaf not in ZERO and not forms(leaf) & said
    ]
    assert not lost
