"""The functions that docs/architecture.md names are in the files it names."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.repository.test_docs import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w/]+\.py):([\w.]+)`", PAGE)
WAYS = re.findall(r"(?ms)^## The way of (.+?)$(.*?)(?=^## |\Z)", PAGE)


def defined(tree: ast.AST, prefix: str = "") -> Iterator[str]:
    """Give the functions and classes of a module, methods as Class.method."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from defined(node, f"{prefix}{node.name}.")


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_function_is_where_the_page_has_it(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in set(defined(tree))


def test_each_way_is_a_list_of_functions() -> None:
    steps = {way: re.findall(r"(?m)^\d+\. (.*)", text) for way, text in WAYS}
    assert set(steps) == {"an order", "a setting", "a metric", "a bookmark"}
    for listed in steps.values():
        assert len(listed) > 5
        assert all(re.match(r"`[\w/]+\.py:[\w.]+`", step) for step in listed)


def test_each_package_is_described() -> None:
    described = set(re.findall(r"`tap_emag/(\w+)(?:/|\.py)`", PAGE.partition("## The way")[0]))
    packages = {folder.parent.name for folder in (ROOT / "tap_emag").glob("*/__init__.py")}
    assert packages <= described


def test_the_floors_are_those_of_the_contract() -> None:
    [layers] = re.findall(r"(?s)layers = \[(.*?)\]", (ROOT / "pyproject.toml").read_text("utf-8"))
    contract = [floor.split(" | ") for floor in re.findall(r'"(.+?)"', layers)]
    floors = re.findall(r"(?ms)^## Floors$(.*?)^## ", PAGE)[0]
    assert [
        re.findall(r"`(\w+)`", line) for line in re.findall(r"(?m)^\d+\..*", floors)
    ] == contract
