"""Every key that eMAG's API is known to send arrives in its column, exact."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.documented import MARKS, RESOURCES, TYPES, keys
from tap_emag.schema import column_types as types
from tap_emag.schema.cleaning import items_of
from tests.fuzz.runs import NAMES, sync
from tests.support.codes import CODES
from tests.support.documented import REPEATED, Maker
from tests.support.unlimited import no_budgets
from tools.key_columns import JSON_TYPES, NO_COLUMN, PLACES, TABLES, is_container, missing, targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_emag.schema.table import Column
    from tests.fuzz.runs import Run
    from tests.support.documented import Edition, Leaf, Payload
    from tools.key_columns import Place, Target

Row = dict[str, Any]
NOW = datetime(2025, 4, 10, 12, tzinfo=timezone.utc)
BUCHAREST = ZoneInfo("Europe/Bucharest")
FORMER = ("product_offer", "rma")  # what keys were removed from, or are documented for saving
# One reply to every lookup, whatever it asks for.
LOOKUPS = ("smart-deals-price-check", "commission")
# Columns that have another name than their key, or than the object the key is in.
OTHER_NAMES = {
    "recycleWarranties": "recycle_warranties",
    "reason_cancellation": "reason_cancellation_id",
    "manufacturer": "has_manufacturer",
    "eu_representative": "has_eu_representative",
    "status_history.event_date": "date",
    "status_history.requests.created": "date",
    "request_history.user": "user_name",
    "characteristics.values": "value",
    "commission:id": "estimate_id",
    "order/volumetry:type": "order_type",
}


@pytest.fixture(scope="module", autouse=True)
def unlimited() -> Iterator[None]:
    with no_budgets():
        yield


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    few: Row = dict.fromkeys(("orders", "offers", "categories", "localities"), 0)
    with Sandbox(SandboxConfig(**few, clock=NOW, limits=False)) as sandbox:
        yield sandbox


def payloads(maker: Maker, resources: tuple[str, ...], *, linked: bool) -> dict[str, Payload]:
    """Return payloads; shipments are of the returns, measures of the orders, if `linked`."""
    made = {name: maker.payload(name) for name in resources}
    if linked:
        for shipment, row in zip(made["awb"].rows, made["rma"].rows, strict=True):
            shipment["reservation_id"] = items_of(row["awbs"])[0]["reservation_id"]
        for leaf in [one for one in made["awb"].leaves if one.key.path == "reservation_id"]:
            made["awb"].leaves.remove(leaf)
            number = made["awb"].rows[leaf.row]["reservation_id"]
            made["awb"].leaves.append(replace(leaf, value=number))
        answers = made["order/volumetry"]
        for answer, row in zip(answers.rows, made["order"].rows, strict=True):
            answer |= {"order_id": row["id"], "type": row["type"]}
        answers.leaves[:] = [
            replace(leaf, value=answers.rows[leaf.row].get(leaf.key.path, leaf.value))
            for leaf in answers.leaves
        ]
    return made


def run_with(sandbox: Sandbox, made: dict[str, Payload], streams: list[str]) -> Run:
    sandbox.set(rows={name: payload.rows for name, payload in made.items()})
    return sync(sandbox.url, [*streams, "rejected_rows"], start_date="2024-12-20T00:00:00Z")


@pytest.mark.parametrize(("edition", "texts"), [("documented", False), ("observed", True)])
def test_each_value_arrives_in_its_column(sandbox: Sandbox, edition: Edition, texts: bool) -> None:
    made = payloads(Maker(edition, texts=texts), tuple(PLACES), linked=True)
    run = run_with(sandbox, made, NAMES)
    assert run.error is None
    assert lost(run, made) == []


def test_each_value_under_a_former_key_arrives(sandbox: Sandbox) -> None:
    made = payloads(Maker("former"), FORMER, linked=False)
    for row in made["rma"].rows:
        del row["awbs"]  # no shipments
    made["rma"].leaves = [leaf for leaf in made["rma"].leaves if "awbs" not in leaf.key.path]
    run = run_with(sandbox, made, ["products", "returns", "return_lines", "return_events"])
    assert run.error is None
    assert lost(run, made) == []


def test_null_under_each_key_that_may_have_it_changes_nothing_else(sandbox: Sandbox) -> None:
    made = payloads(Maker("observed", nulls=True), tuple(PLACES), linked=True)
    run = run_with(sandbox, made, NAMES)
    assert run.error is None
    assert lost(run, made) == []


def test_a_lost_value_would_be_noticed(sandbox: Sandbox) -> None:
    made = payloads(Maker("observed"), ("order", "invoice"), linked=False)
    run = run_with(
        sandbox,
        made,
        [
            "orders",
            "order_lines",
            "order_vouchers",
            "order_voucher_splits",
            "order_attachments",
            "invoices",
            "invoice_lines",
        ],
    )
    assert lost(run, made) == []
    row = run.rows("orders")[0]
    row["status"], row["customer"]["name"], row["emag_club"] = 7, "", not row["emag_club"]
    run.rows("order_lines")[3]["sale_price"] += Decimal("0.0001")
    run.rows("invoices")[2]["extra"] = {"currency": "RON"}
    found = {message.partition(" ")[0] for message in lost(run, made)}
    assert found == {
        "order:status",
        "order:customer.name",
        "order:emag_club",
        "order:products.sale_price",
        "invoices:extra",
    }


def lost(run: Run, made: dict[str, Payload]) -> list[str]:
    """Return what did not arrive, what is in `extra`, and what was rejected."""
    tables: dict[str, list[Row]] = defaultdict(list)
    for message in run.messages:
        if message["type"] == "RECORD":
            tables[message["stream"]].append(message["record"])
    found = [f"rejected_rows:{row['reason']}" for row in tables["rejected_rows"]]
    found += [
        f"{name}:extra {row['extra']}"
        for name, rows in tables.items()
        for row in rows
        if name in TABLES and row.get("extra") is not None
    ]
    for resource, payload in made.items():
        for leaf in payload.leaves:
            sent = payload.rows[0 if resource in LOOKUPS else leaf.row]
            if not arrived(resource, leaf, sent, tables):
                found.append(f"{resource}:{leaf.key.path} {leaf.value!r} of row {leaf.row}")
    return found


def arrived(resource: str, leaf: Leaf, sent: Row, tables: dict[str, list[Row]]) -> bool:
    if (resource in LOOKUPS and leaf.row) or (
        # The tap knows it from the row around it.
        leaf.value is None and leaf.key.path in REPEATED.get(resource, {})
    ):
        return True
    for target in targets(resource, leaf.key.path):
        rows = rows_at(target.place, PLACES[resource][""], sent, tables)
        if len(rows) == 1 and target.column and holds(rows[0], target, leaf.value):
            return True
    return False


def rows_at(place: Place, root: Place, sent: Row, tables: dict[str, list[Row]]) -> list[Row]:
    """Return the rows of a table that were made of one row that was sent."""
    rows = tables[place.table]
    if not place.owner:
        return rows[:1]
    owner = sent[root.owner]
    return [
        row
        for row in rows
        if str(row[place.owner]) == str(owner)
        and (place.where is None or row[place.where[0]] == place.where[1])
        and (place.unless is None or row[place.unless[0]] != place.unless[1])
    ]


def holds(row: Row, target: Target, sent: object) -> bool:
    """Return whether a row has a value that was sent, exact."""
    assert target.column is not None
    value = row[target.column.name]
    for name in target.inner:
        items = items_of(value) if isinstance(value, list | dict) else []
        value = items[0].get(name) if items else None
    if sent is None:
        return value is None
    if target.inner or target.column.type in JSON_TYPES:
        return bool(value == sent)
    return bool(value == as_written(target.column, sent))


def as_written(column: Column, sent: Any) -> object:  # noqa: ANN401
    """Return what a column, not of JSON, has of a value that was sent."""
    if column.type.schema["type"] == "number":
        return Decimal(sent)
    parsers: dict[int, Callable[[Any], object]] = {
        id(types.TIMESTAMP): utc,
        id(types.INTEGER): int,
        id(types.FLAG): lambda flag: bool(int(flag)),
        id(types.PRESENCE): bool,
        id(types.TRUTH): lambda truth: truth,
        id(types.ID_LIST): lambda ids: [int(each) for each in ids],
        # A value of a characteristic: the only one of its list.
        id(types.TEXT): lambda text: text[0] if isinstance(text, list) else str(text),
        id(types.DATE): lambda day: day,
        id(types.DAY): lambda time: time[:10],
    }
    return parsers[id(column.type)](sent)


def utc(sent: str) -> str:
    form = "%Y-%m-%d %H:%M:%S" if sent[4] == "-" else "%d %b %Y, %H:%M"
    moment = datetime.strptime(sent, form).replace(tzinfo=BUCHAREST)
    return moment.astimezone(timezone.utc).isoformat()


def test_each_key_has_a_column_or_a_reason_why_not() -> None:
    without = {name for name in RESOURCES if name not in PLACES}
    assert without | set(missing()) == NO_COLUMN.keys()


def test_each_column_has_the_name_of_its_key() -> None:
    used, others = set(), {}
    for resource in PLACES:
        for key in keys(resource):
            if is_container(key):
                continue
            for target in targets(resource, key.path)[:1]:
                assert target.column is not None
                outer, _, name = key.path.rpartition(".")
                names = {name, f"{outer.rpartition('.')[2]}_{name}".lower(), outer}
                if target.inner or target.column.name in names:
                    continue
                place = f"{resource}:{key.path}"
                known = place if place in OTHER_NAMES else key.path
                used.add(known)
                if OTHER_NAMES.get(known) != target.column.name:
                    others[place] = target.column.name
    assert others == {}
    assert used == OTHER_NAMES.keys()


def test_the_data_are_in_order() -> None:
    explained = set()
    for resource in RESOURCES:
        found = keys(resource)
        assert len({(key.path, key.type) for key in found}) == len(found)
        containers = {key.path for key in found if is_container(key)}
        for key in found:
            outer = key.path.rpartition(".")[0]
            assert outer == "" or outer in containers
            assert key.type in TYPES
            assert key.mark in MARKS
            explained |= {key.codes} - {""}
    # The language of categories is in the request, not in the reply.
    assert explained == CODES.keys() - {"category_languages"}
