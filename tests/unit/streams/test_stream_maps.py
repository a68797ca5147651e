"""Stream maps serve every plugin of a project; one that cannot work is refused with words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from emag_sandbox import Sandbox, SandboxConfig
from tap_emag.errors import ConfigurationError
from tap_emag.tap import STREAMS, TapEmag
from tests.support.command import Command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = [stream.table.name for stream in STREAMS]
HASHED = "sha256(config['salt'] + customer['phone_1']) if customer else None"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(orders=20, offers=2, history_days=3, limits=False)) as sandbox:
        yield sandbox


def mapped(maps: object, *selected: str, **values: Any) -> dict[str, list[Any]]:  # noqa: ANN401
    """Return the maps of a tap that selects some streams."""
    catalog: dict[str, Any] = {
        "streams": [
            {
                "tap_stream_id": name,
                "metadata": [{"breadcrumb": [], "metadata": {"selected": name in selected}}],
            }
            for name in NAMES
        ]
    }
    config = {"username": "demo", "password": "demo", "stream_maps": maps, **values}
    return TapEmag(config=config, catalog=catalog).mapper.stream_maps


def problems(maps: object, *selected: str, **values: Any) -> list[str]:  # noqa: ANN401
    with pytest.raises(ConfigurationError) as caught:
        mapped(maps, *selected, **values)
    return caught.value.problems


def test_a_map_of_a_stream_that_is_not_selected_is_no_error() -> None:
    maps = {"order_lines": {"extra": "__NULL__"}, "orders": {"customer": "__NULL__"}}
    found = mapped(maps, "orders")
    assert "customer" not in found["orders"][0].transformed_schema["properties"]


def test_a_map_of_no_stream_is_refused() -> None:
    [problem] = problems({"order": {"customer": "__NULL__"}}, "orders")
    assert problem.startswith("stream_maps: tap-emag has no stream 'order'; write one of orders, ")


def test_a_map_that_drops_no_column_is_refused() -> None:
    [problem] = problems({"orders": {"custommer": "__NULL__", "extra": None}}, "orders")
    assert problem == "stream_maps: 'orders' has no column 'custommer'; see docs/tables.md"


def test_a_map_of_several_streams_drops_what_one_of_them_has() -> None:
    assert mapped({"order*": {"customer": "__NULL__"}, "*": None}, "orders")


def test_a_copy_of_a_stream_is_a_map_of_that_stream() -> None:
    assert mapped({"copy": {"__source__": "orders", "customer": "__NULL__"}}, "orders")
    [problem] = problems({"orders": {"__source__": "copy"}}, "orders")
    assert "'copy'" in problem


@pytest.mark.parametrize(
    "maps",
    [
        {"orders": {"id": "__NULL__"}},
        {"orders": {"customer_key": "sha256("}},
        {"orders": {"customer_key": 5}},
        {"orders": "drop"},
        {"__alias__": "orders"},
        {"orders": {"__else__": "drop"}},
    ],
)
def test_a_map_that_is_none_is_refused_with_where_to_read(maps: object) -> None:
    [problem] = problems(maps, "orders")
    assert problem.startswith("stream_maps: ")
    assert problem.endswith("see docs/personal-data.md")


def test_a_salt_that_is_not_set_is_refused() -> None:
    maps = {"orders": {"customer_key": HASHED}}
    for values in ({"stream_map_config": {"salt": empty}} for empty in ("", None)):
        [problem] = problems(maps, "orders", **values)
        assert problem.startswith("stream_map_config: 'salt' is not set")
    # So Meltano has it when the variable is not set.
    [problem] = problems(maps, "orders")
    assert problem.endswith("set the variable it names, or write a text")
    assert mapped(maps, "orders", stream_map_config={"salt": "a long text"})


def test_no_maps_are_no_error() -> None:
    assert mapped(None, "orders")
    assert mapped({}, "orders")


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("sha256(phone)", "an expression reads 'phone', which is not a selected column"),
        ("5 + customer['phone_1']", "an expression fails on a row with TypeError"),
    ],
)
def test_an_expression_that_fails_on_a_row_is_told_without_the_row(
    sandbox: Sandbox, tmp_path: Path, expression: str, reason: str
) -> None:
    maps = {"orders": {"customer_key": expression}}
    done = Command(tmp_path, sandbox, streams="orders", stream_maps=maps).finish()
    assert done.code == 2
    [line] = done.critical
    assert line.endswith(
        f"stream_maps: orders: {reason}; change the map, see docs/personal-data.md"
    )


def test_a_filter_of_orders_that_are_not_selected_keeps_their_lines_out(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    chosen = min(row["id"] for row in sandbox.world.orders())
    maps = {"orders": {"__filter__": f"id == {chosen}"}}
    done = Command(tmp_path, sandbox, streams="order_lines", stream_maps=maps).finish()
    assert done.code == 0
    assert {row["order_id"] for row in done.rows("order_lines")} == {chosen}
