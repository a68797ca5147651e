"""`awb/package/read`: the seller's packages, whose envelope is not documented."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emag_sandbox.api.resources.base import in_envelope, rows_of
from emag_sandbox.shop import parcels
from emag_sandbox.wire.reference import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emag_sandbox.api.resources.base import Action, Answer, Call


class Packages:
    """The packages that a seller has predefined: all of them at once."""

    name = "awb/package"
    bucket = "other"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"read": _read}


def _read(call: Call) -> Answer:
    return in_envelope(call, rows_of(call, parcels.packages(), PACKAGE, 98))
