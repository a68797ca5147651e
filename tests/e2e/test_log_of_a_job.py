"""What `meltano run` prints is for a person: few lines, each of which says something."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from emag_sandbox import Sandbox, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.meltano_project import MeltanoProject

MOST_LINES = 25
LINE = re.compile(r"^\S+Z \[(?P<level>\w+) *\] (?P<source>\S+) +(?P<text>.*)$")
NOISE = re.compile(
    r"METRIC|child stream|Beginning sync|INSERT|SELECT|Skipping parse|\bstate backend"
)
SHOP = SandboxConfig(orders=120, offers=40, returns=8, categories=20, localities=30, limits=False)


@pytest.fixture
def shop() -> Iterator[Sandbox]:
    with Sandbox(SHOP) as sandbox:
        yield sandbox


def said(output: str) -> list[tuple[str, str, str]]:
    """Return level, source and text of each line; every line has them."""
    found = [LINE.match(line) for line in output.splitlines()]
    return [(match["level"], match["source"], match["text"]) for match in found if match]


@pytest.mark.meltano
def test_a_first_run_explains_itself_and_a_quiet_one_is_short(
    shop: Sandbox, meltano_project: Callable[..., MeltanoProject]
) -> None:
    project = meltano_project(shop.url)
    first = project.run("emag").output
    quiet = project.run("emag").output
    for output in (first, quiet):
        assert len(said(output)) == len(output.splitlines()), output
        assert not NOISE.search(output), output
        for stream in ("orders", "products", "returns", "invoices"):
            begins = [text for _, _, text in said(output) if text.startswith(f"{stream}: reading")]
            ends = [text for _, _, text in said(output) if text.startswith(f"{stream}: ")]
            assert (len(begins), len(ends)) == (1, 2), output
    ahead = [text for _, _, text in said(first) if text.startswith("first sync: about ")]
    assert [re.findall(r"[a-z]+", text)[3] for text in ahead] == [
        *("orders", "offers", "returns", "localities")
    ]
    *_, loaded, commands = [text for _, source, text in said(first) if source == "emag-ops"]
    assert loaded.startswith("The first sync is loaded. Next: ")
    assert "emag-ops doctor" in commands
    assert not any("first sync" in text for _, _, text in said(quiet))
    assert any(text.startswith("vat_rates  ") for _, _, text in said(first))
    assert any(text.startswith("orders: 120 rows (120 created)") for _, _, text in said(first))
    assert len(quiet.splitlines()) <= MOST_LINES, quiet
    assert {level for level, _, _ in said(quiet)} == {"info"}


@pytest.mark.meltano
def test_a_refusal_keeps_its_level(
    shop: Sandbox, meltano_project: Callable[..., MeltanoProject]
) -> None:
    project = meltano_project(shop.url, password="wrong")
    output = project.run("tap-emag-orders", "target-postgres", check=False).output
    levels = {level for level, source, _ in said(output) if source == "tap-emag-orders"}
    assert "critical" in levels, output


@pytest.mark.meltano
def test_all_the_rest_is_there_at_the_debug_level(
    shop: Sandbox, meltano_project: Callable[..., MeltanoProject]
) -> None:
    project = meltano_project(shop.url)
    options = ["--log-config=none", "--log-level=debug"]
    output = project.pipeline.call(*options, "run", "tap-emag-orders", "target-postgres").output
    debug = [text for level, source, text in said(output) if level == "debug"]
    for part in ("METRIC", "as child stream", "Beginning sync of 'orders'"):
        assert any(part in text for text in debug), part


@pytest.mark.meltano
def test_meltano_invoke_prints_lines_for_people(
    shop: Sandbox, meltano_project: Callable[..., MeltanoProject]
) -> None:
    project = meltano_project(shop.url, password="wrong")
    output = project.pipeline.call("invoke", "tap-emag", "--test", check=False).output
    assert "| CRITICAL |" in output
    assert '{"level"' not in output
