"""Bytes become what they say, or nothing: never an exception, and nothing of it is lost."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_emag.schema.json_body import DEEPEST, parse
from tests.fuzz.runs import LONG

EXAMPLES = settings(max_examples=20_000 if LONG else 60, deadline=None)
LARGE = 50_000_000 if LONG else 5_000_000  # bytes
NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text()
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
SIGNS = st.lists(
    st.sampled_from(
        [*'[]{},:"\\ \n\0', "true", "null", "NaN", "-", "1", ".5", "e9", '"a"', "\\u", "d800", "é"]
    ),
    max_size=40,
).map("".join)


def plainly(text: str) -> Any:  # noqa: ANN401
    return json.loads(text, parse_float=Decimal)


def written(value: Any) -> str:  # noqa: ANN401
    """Write JSON, decimals digit by digit."""
    if isinstance(value, dict):
        items = (f"{json.dumps(key)}:{written(item)}" for key, item in value.items())
        return "{" + ",".join(items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def depth(value: Any) -> int:  # noqa: ANN401
    items = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, items), default=0) if isinstance(value, dict | list) else 0


@EXAMPLES
@given(TREES, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_json_is_read_as_it_is_written(tree: Any, encoding: str) -> None:  # noqa: ANN401
    text = written(tree)
    parsed = parse(text.encode(encoding))
    assert parsed.value == plainly(text)
    assert not parsed.oddities
    assert not parsed.ambiguous


@EXAMPLES
@given(st.binary() | SIGNS.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_are_nothing(content: bytes) -> None:
    parsed = parse(content)
    assert depth(parsed.value) <= DEEPEST
    try:
        text = content.decode()
        value = plainly(text)
    except (ValueError, ArithmeticError):
        return
    assert parsed.value == json.loads(text, parse_float=Decimal, parse_constant=str)
    assert parsed.value is not None or value is None


@EXAMPLES
@given(st.lists(st.tuples(st.sampled_from(["a", "a_", "\\u0061", "b"]), NUMBERS), min_size=1))
def test_of_a_key_that_comes_twice_the_last_value_counts(pairs: list[tuple[str, Any]]) -> None:
    row = "{" + ",".join(f'"{key}":{value}' for key, value in pairs) + "}"
    inside, outermost = parse(f"[{row}]".encode()), parse(row.encode())
    assert [inside.value, outermost.value] == [[plainly(row)], plainly(row)]
    assert not inside.ambiguous
    assert outermost.ambiguous is (len(plainly(row)) < len(pairs))


@pytest.mark.parametrize("deep", [DEEPEST - 1, DEEPEST, 330, 1000, 100_000])
@pytest.mark.parametrize(
    ("begin", "end"), [("[", "]"), ('{"a":', "}"), ('[1,{"a b":', ',"c":[]}]'), ("[{}, [", "]]")]
)
def test_what_is_nested_too_deep_is_kept_as_its_own_text(begin: str, end: str, deep: int) -> None:
    text = f'[{begin * deep}"]}} in the middle"{end * deep}, "behind"]'
    parsed = parse(text.encode())
    assert depth(parsed.value) <= DEEPEST
    assert parsed.value[1] == "behind"
    assert "]} in the middle" in json.dumps(parsed.value[0])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("1e999999", Decimal("1E+999999")),
        ("1e99999999999999999999", "1e99999999999999999999"),
        ("9" * 5000, "9" * 5000),
        ('"\\ud800"', "\ud800"),
        ('"a\n\0b"', "a\n\0b"),
        ('"]["', "]["),
        ('"\\u003a"', ":"),
    ],
)
def test_what_no_json_library_likes_is_kept(text: str, value: object) -> None:
    assert parse(f"[{text}]".encode()).value == [value]


def test_bytes_that_are_no_utf_8_are_told() -> None:
    parsed = parse(b'["caf\xe9", 1]')
    assert parsed.value == ["caf\ufffd", 1]
    assert len(parsed.oddities) == 1


def test_a_body_that_says_the_same_thing_twice_is_ambiguous() -> None:
    assert parse(b'{"results": [], "results": []}').ambiguous
    assert parse(b'{"results": [], "result\\u0073": []}').ambiguous
    assert not parse(b'{"results": [{"a": 1, "a": 2}]}').ambiguous
    assert not parse(b'{"results": [{"results": 1}]}').ambiguous


@pytest.mark.parametrize(
    "body",
    [
        b'["' + b"a" * LARGE + b'"]',
        b'["' + b'\\"' * (LARGE // 2) + b'"]',
        b"[" * (LARGE // 2) + b"]" * (LARGE // 2),
        b'{"k":' * (LARGE // 6) + b"1" + b"}" * (LARGE // 6),
        b"[" * LARGE,
        b'"' * LARGE,
    ],
    ids=["a text", "escapes", "nested", "nested objects", "cut short", "quotes"],
)
def test_the_longest_bodies_take_seconds(body: bytes) -> None:
    begun = time.process_time()
    parse(body)
    assert time.process_time() - begun < LARGE / 1e6
