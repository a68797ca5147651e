"""The page about reliability names tests that are there, for every promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_is_there(file: str, name: str) -> None:
    source = (ROOT / file).read_text()
    wanted = rf"^ *def {name}\(" if name else r"^class |^def test_|^Test"
    assert re.search(wanted, source, re.MULTILINE)


def test_every_promise_names_tests() -> None:
    promises = PAGE.partition("## Promises")[2].partition("\n## ")[0].split("\n### ")[1:]
    assert len(promises) == 9
    assert [p.splitlines()[0] for p in promises if "`tests/" not in p] == []
