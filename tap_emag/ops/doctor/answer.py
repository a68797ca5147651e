"""The answer to one of the doctor's requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_emag.schema.identity import rows_of
from tap_emag.schema.keys import integer_or_none

if TYPE_CHECKING:
    from tap_emag.errors import EmagError, Reply


@dataclass(frozen=True)
class Answer:
    """The reply to one request, or the error that it ended with; not `sent`: it never left."""

    reply: Reply | None = None
    error: EmagError | None = None
    sent: bool = True

    @property
    def body(self) -> Any:  # noqa: ANN401 - any JSON value
        """The complete body, None without a reply."""
        return self.reply.body if self.reply else None

    @property
    def results(self) -> Any:  # noqa: ANN401 - any JSON value
        """The `results` of the envelope, None without them."""
        return self.body.get("results") if isinstance(self.body, dict) else None

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of a list; [] where there is none."""
        return rows_of(self.results) or []

    @property
    def number(self) -> int | None:
        """The number in a reply to a count; None where there is none."""
        found = self.results
        return integer_or_none(found.get("noOfItems")) if isinstance(found, dict) else None
