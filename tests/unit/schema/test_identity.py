"""Rows are found in any envelope, and nothing in their place vanishes."""

from __future__ import annotations

from typing import Any

import pytest

from tap_emag.schema.identity import NoObject, rows_with

ONE: dict[str, Any] = {"label": "S", "size": {"length": 1}}
TWO: dict[str, Any] = {"label": "M"}
EMPTY: tuple[object, ...] = ([], {}, None, "", [[]], [{}])
ENVELOPE: dict[str, Any] = {"isError": False, "messages": [], "errors": []}


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (ENVELOPE | {"results": [ONE, TWO]}, [ONE, TWO]),
        (ENVELOPE | {"results": ONE}, [ONE]),
        (ENVELOPE | {"results": {"0": ONE, "4": TWO}}, [ONE, TWO]),
        (ENVELOPE | {"results": {"results": [ONE]}}, [ONE]),
        (ENVELOPE | {"results": {"packages": [ONE, TWO]}}, [ONE, TWO]),
        (ENVELOPE | {"results": [[ONE, TWO]]}, [ONE, TWO]),
        ([ONE, TWO], [ONE, TWO]),
        (ONE, [ONE]),
        *[(ENVELOPE | {"results": empty}, []) for empty in EMPTY],
    ],
)
def test_rows_are_found_in_any_envelope(body: object, rows: list[dict[str, Any]]) -> None:
    assert rows_with(body, "label") == rows


@pytest.mark.parametrize("stray", [7, "x", None, True])
def test_what_is_no_object_is_wrapped(stray: object) -> None:
    one, other = rows_with({"results": [ONE, stray]}, "label")
    assert one == ONE
    assert isinstance(other, NoObject)
    assert other.value == stray


def test_an_object_without_the_key_is_returned() -> None:
    assert rows_with({"results": [{"name": "S"}]}, "label") == [{"name": "S"}]
    assert rows_with({"results": {"name": "S"}}, "label") == [{"name": "S"}]
    assert rows_with({"results": {"S": {"length": 1}, "M": TWO}}, "label") == [{"length": 1}, TWO]
