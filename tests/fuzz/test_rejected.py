"""A row that makes no sense is kept, told, and keeps nobody else from coming."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.errors import ContractError, UnsteadyError
from tap_emag.streams.orders import rows as tables
from tests.fuzz.runs import FAMILIES, sync
from tests.fuzz.spoiler import Spoiler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.meltano_project import MeltanoProject

ORDERS = [*FAMILIES["order"], "rejected_rows"]
PRODUCTS = [*FAMILIES["product_offer"], "rejected_rows"]
DEEP = "[" * 5000 + "]" * 5000


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    config = SandboxConfig(orders=250, offers=130, history_days=20, type2_share=0, limits=False)
    with Sandbox(config) as sandbox:
        sandbox.clock.advance(10)  # so that the newest order, too, has settled
        yield sandbox


def begin() -> str:
    return (datetime.now(timezone.utc) - timedelta(days=25)).isoformat()


def changed(resource: str, change: Callable[[list[Any]], object]) -> Callable[..., bytes]:
    """Return what changes the rows of a resource's replies."""

    def spoil(asked: str, body: bytes, _number: int) -> bytes:
        if asked != f"{resource}/read":
            return body
        reply = json.loads(body)
        change(reply["results"])
        return json.dumps(reply).encode()

    return spoil


def nameless(key: str) -> Callable[[list[Any]], None]:
    """Take the id from every tenth row, and keep what else it says."""

    def change(rows: list[Any]) -> None:
        for row in rows:
            if int(row[key]) % 10 == 0:
                del row[key]

    return change


def test_rows_without_an_id_are_kept_and_the_windows_around_them_are_whole(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with Spoiler(sandbox, changed("order", nameless("id"))) as spoiler:
        run = sync(spoiler.url, ORDERS, start_date=begin())
    assert run.error is None
    ids = {key[1] for key in sandbox.world.order_keys()}
    lost = {order for order in ids if order % 10 == 0}
    assert lost
    assert {row["id"] for row in run.rows("orders")} == ids - lost
    rejected = run.rows("rejected_rows")
    assert len(rejected) == len(lost)
    assert {row["stream"] for row in rejected} == {"orders"}
    assert {row["reason"] for row in rejected} == {"it has no id"}
    assert {row["partition"]["type"] for row in rejected} == {3}
    kept = [json.loads(row["row"]) for row in rejected]
    assert all(row["products"] and row["customer"] for row in kept)
    told = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    told = [line for line in told if "rejected_rows" in line]
    assert told == [
        "a row of orders is kept in rejected_rows: it has no id",
        f"{len(lost)} row(s) of orders are in rejected_rows only",
    ]


def test_the_schema_comes_once_before_all_other_messages(sandbox: Sandbox) -> None:
    with Spoiler(sandbox, changed("order", nameless("id"))) as spoiler:
        run = sync(spoiler.url, ORDERS, start_date=begin())
    messages = [m for m in run.messages if m.get("stream") == "rejected_rows"]
    assert run.messages[0] is messages[0]
    assert [m["type"] for m in messages] == ["SCHEMA"] + ["RECORD"] * (len(messages) - 1)


def test_bookmarks_pass_rows_that_were_kept(sandbox: Sandbox) -> None:
    with Spoiler(sandbox, changed("order", nameless("id"))) as spoiler:
        first = sync(spoiler.url, ORDERS, start_date=begin())
        second = sync(spoiler.url, ORDERS, first.state, start_date=begin())
    kept, again = (
        {row["row_hash"] for row in run.rows("rejected_rows")} for run in (first, second)
    )
    assert second.error is None
    assert not second.rows(*FAMILIES["order"])
    # Those newer than all other rows are read again: there may be some, at this hour.
    assert again < kept
    assert len(again) < 5 < len(kept)


def test_a_row_is_lost_by_nobody_where_rejected_rows_is_left_out(sandbox: Sandbox) -> None:
    with Spoiler(sandbox, changed("order", nameless("id"))) as spoiler:
        run = sync(spoiler.url, FAMILIES["order"], start_date=begin())
    assert isinstance(run.error, ContractError)
    assert "add rejected_rows.* to the plugin's `select`" in str(run.error)
    assert "rejected_rows" not in {m.get("stream") for m in run.messages}


@pytest.mark.parametrize(
    "junk", [[None], [None] * 3, [{}, {}], ["x", "x", "y"], [5, [5], {"a": 5}, True]]
)
def test_offers_are_sealed_though_elements_that_are_none_come_among_them(
    sandbox: Sandbox, junk: list[Any]
) -> None:
    """The API's count does not tell of them, and of equal ones none can be told from another."""

    def change(rows: list[Any]) -> None:
        if rows and len(rows) < 50:
            rows.extend(junk)

    with Spoiler(sandbox, changed("product_offer", change)) as spoiler:
        run = sync(spoiler.url, PRODUCTS)
    assert run.error is None
    assert len({row["id"] for row in run.rows("products")}) == 130
    different = {json.dumps(item) for item in junk}
    assert {row["row"] for row in run.rows("rejected_rows")} == {
        text.replace(" ", "") for text in different
    }


def test_a_row_that_shares_its_id_in_one_reply_is_kept(sandbox: Sandbox) -> None:
    def change(rows: list[Any]) -> None:
        if len(rows) > 1 and rows[0]["modified"] != rows[1]["modified"]:
            rows.append({**rows[0], "vendor_name": "twice"})

    with Spoiler(sandbox, changed("order", change)) as spoiler:
        run = sync(spoiler.url, ORDERS, start_date=begin())
    assert run.error is None
    rejected = run.rows("rejected_rows")
    assert rejected
    assert {row["reason"] for row in rejected} == {"another row of the same reply has its id"}
    assert all(json.loads(row["row"])["vendor_name"] == "twice" for row in rejected)
    assert {row["id"] for row in run.rows("orders")} == {k[1] for k in sandbox.world.order_keys()}


def test_offers_of_one_id_end_the_run_with_an_error(sandbox: Sandbox) -> None:
    def change(rows: list[Any]) -> None:
        for row in rows[:2]:
            row["id"] = 7

    with Spoiler(sandbox, changed("product_offer", change)) as spoiler:
        run = sync(spoiler.url, PRODUCTS)
    assert isinstance(run.error, UnsteadyError)


def test_pages_that_never_end_end_the_run_with_an_error(sandbox: Sandbox) -> None:
    """A server that gives its first page, whatever page it is asked for."""
    first: dict[str, bytes] = {}

    def same(resource: str, body: bytes, _number: int) -> bytes:
        if resource.endswith("/count"):
            return b'{"isError": true, "messages": ["no"], "results": []}'
        return first.setdefault(resource, body)

    with Spoiler(sandbox, same) as spoiler:
        run = sync(spoiler.url, PRODUCTS)
    assert isinstance(run.error, UnsteadyError)
    assert len({row["id"] for row in run.rows("products")}) == 100


@pytest.mark.parametrize(
    "count", [10**12, 9_999_999, 5000, 100, 0, -5, "1e999999999", None, [5], {"a": 1}]
)
def test_a_count_of_no_sense_costs_requests_and_no_rows(sandbox: Sandbox, count: object) -> None:
    def spoil(resource: str, body: bytes, _number: int) -> bytes:
        if not resource.endswith("/count"):
            return body
        told = count if count != "1e999999999" else "@@"
        reply = {"isError": False, "results": {"noOfItems": told}}
        return json.dumps(reply).replace('"@@"', "1e999999999").encode()

    with Spoiler(sandbox, spoil) as spoiler:
        run = sync(spoiler.url, [*ORDERS, *PRODUCTS], start_date=begin())
        assert len(spoiler.said) < 600
    assert run.error is None
    assert {row["id"] for row in run.rows("orders")} == {k[1] for k in sandbox.world.order_keys()}
    assert len({row["id"] for row in run.rows("products")}) == 130


def test_a_defect_of_the_tap_costs_a_place_and_not_the_row(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = tables.order_rows

    def failing(raw: dict[str, Any], *others: Any) -> Any:  # noqa: ANN401
        if int(raw["id"]) % 10 == 0:
            raise ZeroDivisionError(raw["customer"])
        return made(raw, *others)

    monkeypatch.setattr(tables, "order_rows", failing)
    run = sync(sandbox.url, ORDERS, start_date=begin())
    assert run.error is None
    ids = {key[1] for key in sandbox.world.order_keys()}
    assert {row["id"] for row in run.rows("orders")} == {i for i in ids if i % 10}
    kept = run.rows("rejected_rows")
    assert {row["reason"] for row in kept} == {"the tap failed at it: ZeroDivisionError"}
    assert {int(json.loads(row["row"])["id"]) for row in kept} == {i for i in ids if i % 10 == 0}
    [told] = [r.getMessage() for r in caplog.records if "defect of tap-emag" in r.getMessage()]
    assert "in failing" in told
    customers = [json.loads(row["row"])["customer"] for row in kept]
    # One object, or a list with it.
    names = [(each[0] if isinstance(each, list) else each)["name"] for each in customers]
    assert names
    assert not any(name in caplog.text for name in names)


def test_every_plugin_keeps_rejected_rows() -> None:
    root = Path(__file__).resolve().parents[2]
    project = yaml.safe_load((root / "meltano.yml").read_text(encoding="utf-8"))
    selects = [p["select"] for p in project["plugins"]["extractors"] if "select" in p]
    assert selects
    for select in selects:
        wanted = [item for item in select if not item.startswith("!")]
        refused = [item[1:] for item in select if item.startswith("!")]
        assert any(fnmatch("rejected_rows.row", item) for item in wanted)
        assert not any(fnmatch("rejected_rows.row", item) for item in refused)


@pytest.mark.meltano
def test_rows_come_to_postgres_whatever_they_hold(
    sandbox: Sandbox, meltano_project: Callable[..., MeltanoProject]
) -> None:
    """What no column of Postgres could hold as it was sent: NUL, half a pair, numbers, nesting."""
    holds = {
        "nul": '"a\\u0000b"',
        "half": '"\\ud800"',
        "huge": "9" * 5000,
        "wide": "1e200000",
        "nan": "NaN",
        "deep": DEEP,
        "a\\u0000b": "1",
    }
    odd = "{" + ",".join(f'"{name}":{value}' for name, value in holds.items()) + "}"

    def spoil(resource: str, body: bytes, _number: int) -> bytes:
        if resource != "product_offer/read":
            return body
        reply = json.loads(body)
        if 1 < len(reply["results"]) < 100:
            reply["results"][0]["odd"] = "@@odd@@"
            reply["results"].append("@@odd@@")
            del reply["results"][1]["id"]
        return json.dumps(reply).replace('"@@odd@@"', odd).encode()

    with Spoiler(sandbox, spoil) as spoiler:
        project = meltano_project(spoiler.url)
        project.run("tap-emag-offers", "target-postgres")
    with project.postgres.connect() as connection:
        kept = connection.execute(
            "SELECT stream, reason, row::jsonb FROM emag.rejected_rows ORDER BY reason, row"
        ).fetchall()
        rows = connection.execute("SELECT count(*) FROM emag.products").fetchone()
        extra = connection.execute(
            "SELECT extra FROM emag.products WHERE extra -> 'odd' IS NOT NULL"
        ).fetchall()
    assert [row[:2] for row in kept] == [("products", "it has no id")] * 2
    assert rows == (129,)
    assert len(extra) == 1
    assert set(extra[0][0]["odd"]) == {"nul", "half", "huge", "wide", "nan", "deep", "ab"}
