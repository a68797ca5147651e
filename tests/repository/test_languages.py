"""Pages in other languages have the headings, commands, settings and links of the English ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.repository.test_docs import FENCE, LINK, ROOT, _anchors

if TYPE_CHECKING:
    from pathlib import Path

DOCS = ROOT / "docs"
# Where a page is translated completely: the English one, and the other.
COMPLETE = {
    ROOT / "README.md": DOCS / "ro/README.md",
    DOCS / "get-started.md": DOCS / "ro/get-started.md",
}
SHORT = [DOCS / "bg/start.md", DOCS / "hu/start.md"]
OTHERS = [*COMPLETE.values(), *SHORT]
NAMES = {"English", "Română", "Български", "Magyar"}
SETTING = re.compile(r"\b(?:TAP_EMAG|TARGET_POSTGRES)_[A-Z_]+")


class Parts(NamedTuple):
    """What a page has in common with its translations, in the order of the page."""

    headings: list[int]
    blocks: list[tuple[str, str]]
    code: list[str]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    return FENCE.sub("", text_of(page))


def parts(page: Path) -> Parts:
    blocks = [(found[1], found[2]) for found in FENCE.finditer(text_of(page))]
    headings = [len(found) for found in re.findall(r"(?m)^(#+) ", prose(page))]
    # Sentences of another language may name things in another order.
    return Parts(headings, blocks, sorted(set(re.findall(r"`([^`\n]+)`", prose(page)))))


def targets(page: Path) -> set[str]:
    """Return where a page's links lead, those to other languages and addresses left out."""
    english = {other: page for page, other in COMPLETE.items()}
    found = set()
    for name, link in re.findall(r"\[([^\]]+)\]\(([^)\s]+)\)", prose(page)):
        if name not in NAMES and not link.startswith("http"):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve()
            target = english.get(target, target)
            found.add(f"{target.relative_to(ROOT)}#{anchor}")
    return found


@pytest.mark.parametrize("page", COMPLETE, ids=lambda page: page.name)
def test_a_translation_has_the_parts_of_the_english_page(page: Path) -> None:
    other = COMPLETE[page]
    assert parts(other) == parts(page), f"translate the change of {page.name}, see CONTRIBUTING.md"
    assert targets(other) == targets(page)


@pytest.mark.parametrize("page", COMPLETE, ids=lambda page: page.name)
def test_a_translation_has_the_lists_tables_and_steps_of_the_english_page(page: Path) -> None:
    for shape in (r"(?m)^- ", r"(?m)^\|", r"(?m)^\*\*\d\. "):
        counts = [len(re.findall(shape, prose(each))) for each in (page, COMPLETE[page])]
        assert counts[0] == counts[1], shape


@pytest.mark.parametrize("page", SHORT, ids=lambda page: page.parent.name)
def test_a_short_page_has_the_commands_and_settings_of_get_started(page: Path) -> None:
    english = parts(DOCS / "get-started.md")
    shown = [block for block in english.blocks if block[0] in {"bash", "sql"}]
    assert parts(page).blocks == shown
    assert parts(page).headings == [1, 2, 2, 3, 3, 3, 3, 3, 2] == english.headings
    known = set(SETTING.findall(text_of(ROOT / ".env.example")))
    named = set(SETTING.findall(text_of(page)))
    assert named >= set(SETTING.findall(text_of(DOCS / "get-started.md")))
    assert named <= known
    versions = re.compile(r"\b3\.\d\d\b")
    assert versions.findall(text_of(page)) == versions.findall(text_of(DOCS / "get-started.md"))


def test_the_short_pages_have_the_same_parts() -> None:
    first, second = map(parts, SHORT)
    assert [name.replace("_bg", "_hu") for name in first.code] == second.code
    assert len({frozenset(targets(page)) for page in SHORT}) == 1


@pytest.mark.parametrize("page", OTHERS, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_links_lead_somewhere_and_each_language_to_the_others(page: Path) -> None:
    dead = []
    for link in LINK.findall(prose(page)):
        if not link.startswith("http"):
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve()
            if not target.exists() or (anchor and anchor not in _anchors(target)):
                dead.append(link)
    assert dead == []
    second = text_of(page).splitlines()[2]
    assert all(name in second for name in NAMES)


@pytest.mark.parametrize("page", list(COMPLETE), ids=lambda page: page.name)
def test_the_english_page_names_the_languages(page: Path) -> None:
    second = text_of(page).splitlines()[2]
    assert [name for name in NAMES if name not in second] == []


def test_romanian_has_its_own_letters() -> None:
    # With a comma below; those with a cedilla are Turkish, and a search does not find them.
    for page in COMPLETE.values():
        assert not set("şţŞŢ") & set(text_of(page))
