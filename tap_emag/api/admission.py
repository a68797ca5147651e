"""Decides whether eMAG refuses the caller or only one resource.

eMAG answers 403 with the same text for a wrong password and for a resource that the user has no
right to. So after a refusal the tap sends two requests again that succeeded before, the witnesses:
when eMAG refuses both, it refuses the caller. They are two, because one may ask for another refused
resource.

Witnesses are remembered between runs, because a run may read only the refused resource. They are of
different kinds, such as `order` and `rma`: a user without a right to orders may neither read nor
count them. Where too few are known, the tap reads lists that are not the seller's own data.

When a resource fails again and again, the same witnesses show whether the API itself fails.
"""

from __future__ import annotations

import json
import logging
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from tap_emag.errors import CredentialsError, ForbiddenError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_emag.errors import EmagError
    from tap_emag.state.store import StateStore

LOAD = "SELECT resource, content FROM witnesses WHERE account = ? ORDER BY rowid"
SAVE = "REPLACE INTO witnesses VALUES (?, ?, ?)"
WITNESSES = 2  # sent after a refusal; so a wrong password costs three requests
REMEMBERED = WITNESSES + 1  # so that enough are left when one is the refused resource
USUAL_WITNESSES: Mapping[str, Mapping[str, Any]] = {
    "vat/read": {},
    "handling_time/read": {},
    "order/count": {"type": 3},
}
logger = logging.getLogger("tap-emag")


class Admission:
    """Remembers requests that succeeded, and judges refusals by them. Thread-safe."""

    def __init__(self, store: StateStore | None = None, account: str = "") -> None:
        """Read the witnesses of earlier runs.

        Args:
            store: Where they are stored; None stores none.
            account: The name they are stored under.
        """
        self._store = store
        self._account = account
        self._lock = threading.Lock()
        self._answered: dict[str, Mapping[str, Any]] = {}
        self._remembered = self._read()
        self._forbidden: set[str] = set()
        self._turned_away: EmagError | None = None

    @property
    def any_answered(self) -> bool:
        """Return whether any request of this run succeeded."""
        return bool(self._answered)

    def answered(self, resource: str, values: Mapping[str, Any]) -> None:
        """Note a POST request that succeeded."""
        if not _is_wanted(resource, self._answered):
            return
        with self._lock:
            self._answered[resource] = dict(values)
            if _is_wanted(resource, self._remembered):
                self._remembered[resource] = dict(values)
                self._write(resource, values)

    def judge(
        self,
        resource: str,
        refusal: CredentialsError,
        ask: Callable[[str, Mapping[str, Any]], EmagError | None],
    ) -> EmagError:
        """Return what a refusal means.

        Args:
            resource: The resource that was asked for.
            refusal: The error for eMAG's answer.
            ask: Sends a request again; returns the error for its reply, None when it succeeded.

        Returns:
            ForbiddenError when a witness is let in, the transient error of a witness, or the
            refusal itself.
        """
        with self._lock:
            if resource in self._forbidden:
                return _forbidden(resource, refusal)
            if self._turned_away:
                return self._turned_away
            for witness, values in self._witnesses(resource):
                error = ask(witness, values)
                if isinstance(error, TransientError):
                    return error
                if not isinstance(error, CredentialsError):
                    self._forbidden.add(resource)
                    return error if error and not error.contained else _forbidden(resource, refusal)
            self._turned_away = refusal
            return refusal

    def vouched(
        self, resource: str, ask: Callable[[str, Mapping[str, Any]], EmagError | None]
    ) -> bool:
        """Return whether another resource succeeds; the arguments are those of `judge`."""
        with self._lock:
            return any(ask(*witness) is None for witness in self._witnesses(resource))

    def _witnesses(self, resource: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the requests that show, when a resource is refused, whether the caller is let in.

        None is of the same kind, which may be refused for the same reason. Requests that succeeded
        in this run come first.
        """
        found: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for known in (self._answered, self._remembered, USUAL_WITNESSES):
            for name, values in known.items():
                if _kind(name) != _kind(resource) and name not in self._forbidden:
                    found.setdefault(_kind(name), (name, values))
        return list(found.values())[:WITNESSES]

    def _read(self) -> dict[str, Mapping[str, Any]]:
        try:
            with self._store.read_only() if self._store else nullcontext() as state:
                found = state.execute(LOAD, (self._account,)).fetchall() if state else ()
        except OSError:
            return {}
        return {resource: json.loads(values) for resource, values in found}

    def _write(self, resource: str, values: Mapping[str, Any]) -> None:
        if self._store is None:
            return
        try:
            self._store.execute(SAVE, (self._account, resource, json.dumps(values)))
        except OSError as error:
            logger.warning("cannot remember requests in %s: %s", self._store.path, error.strerror)


def _kind(resource: str) -> str:
    return resource.partition("/")[0]


def _is_wanted(resource: str, witnesses: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether there are too few witnesses, and none of the resource's kind."""
    return len(witnesses) < REMEMBERED and _kind(resource) not in map(_kind, list(witnesses))


def _forbidden(resource: str, refusal: CredentialsError) -> ForbiddenError:
    return ForbiddenError(
        f"{resource}: eMAG refuses this resource to the user ({refusal.answer}) and answers others."
        " Ask eMAG for the right to it, or leave its streams out of the plugin's `select`"
    )
