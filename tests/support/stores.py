"""Looks into a state store, and breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tap_emag.state.store import StateStore


def rows(store: StateStore, query: str) -> list[Any]:
    """Return what a query finds."""
    with store.read_only() as state:
        return state.execute(query).fetchall()


def totals(store: StateStore) -> str:
    """Return all that is kept for metrics, as text."""
    tables = ("metric_totals", "unknown_fields", "running_syncs", "accounts")
    found = [row for table in tables for row in rows(store, f"SELECT * FROM {table}")]
    return "\n".join(str(each) for row in found for each in row)


def fill_up(store: StateStore) -> None:
    """Let the file grow no further, as on a full disk; what is in it can still be changed."""
    with store.transaction() as state:
        [pages] = state.execute("PRAGMA page_count").fetchone()
        state.execute(f"PRAGMA max_page_count = {pages}")


def everything(folder: Path) -> bytes:
    """Return all that lies in a state folder, as bytes."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
