"""Reads the states that Meltano keeps for the pipelines of one environment and one loader.

A state id is environment:extractor-to-loader, and :suffix may follow. A state that Meltano keeps
outside its own database is not found.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tap_emag.meltano.system_database import query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STATES: Final = """
SELECT state_id, completed_state, partial_state FROM state
WHERE substr(state_id, 1, length(:prefix)) = :prefix ORDER BY state_id
"""


class KeptState(NamedTuple):
    """What Meltano keeps for one pipeline: the command that runs it, and its Singer states.

    A run that failed leaves a state next to that of the last one that did not.
    """

    state_id: str
    command: str
    states: tuple[Any, ...]


class LoaderOfRun(NamedTuple):
    """The loader that a run writes to, in one environment of Meltano."""

    environment: str
    name: str

    @classmethod
    def of(cls, state_id: str, variables: Mapping[str, str] = os.environ) -> LoaderOfRun:
        """Return the loader of this tap's own state id."""
        environment, pair, *_ = state_id.split(":")
        extractor = variables.get("MELTANO_EXTRACTOR_NAME", "")
        return cls(environment, pair.removeprefix(f"{extractor}-to-"))

    def states(self, variables: Mapping[str, str] = os.environ) -> list[KeptState]:
        """Return the states of all pipelines, or none where the database does not answer."""
        uri = variables.get("MELTANO_DATABASE_URI", "")
        try:
            return list(self._read(query(uri, STATES, prefix=f"{self.environment}:")))
        except Exception:  # noqa: BLE001 - a driver's own, or of a table in another form
            return []

    def _read(self, rows: Sequence[Sequence[Any]]) -> Iterator[KeptState]:
        for state_id, *texts in rows:
            _, pair, *suffix = state_id.split(":")
            extractor = pair.removesuffix(f"-to-{self.name}")
            if extractor != pair:
                options = [f"--state-id-suffix={each}" for each in suffix]
                words = [f"meltano --environment={self.environment} run", *options, extractor]
                states = [json.loads(text or "{}").get("singer_state") for text in texts]
                yield KeptState(state_id, " ".join([*words, self.name]), tuple(states))
