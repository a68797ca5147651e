"""What a run says of itself, held against what happened; each check says what is wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.e2e.acceptance.truth import OF_ORDERS
from tests.stateful.wrong_server import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emag_sandbox import Request
    from tests.stateful.runs import Run

FAILED = re.compile(r"^(\w+) was not read completely, the other streams go on: (.*)$", re.MULTILINE)


def failed(run: Run) -> dict[str, str]:
    """Return the streams that a run says were not read to the end, and why."""
    return dict(FAILED.findall(run.log))


def unsaid(run: Run, asked: Iterable[Request]) -> list[str]:
    """Say what a run that ended with 0 has kept to itself: a stream that failed, a refusal."""
    found = [
        f"{stream} failed, yet the run ended with 0: {why}" for stream, why in failed(run).items()
    ]
    refused: set[tuple[str, str]] = set()
    answered: set[tuple[str, str]] = set()
    for request in asked:
        if request.action != "count":
            what = f"{request.resource}/{request.action}", repr(request.body)
            (refused if request.fault in REFUSALS else answered).add(what)
    # Where a witness fails for a moment, a refused request is sent again, and may be let in. A
    # witness itself succeeded before.
    kept = sorted({name for name, _ in refused - answered})
    return found + [f"{each} was refused, yet the run ended with 0" for each in kept]


def blamed(asked: Iterable[Request]) -> list[str]:
    """Say if eMAG let the caller in, though the run ended as if it had refused the caller."""
    let_in = [each for each in asked if each.status == 200 and each.fault is None]
    return [f"{let_in[0].resource} was answered, yet the caller was blamed"] if let_in else []


def told_again(again: Mapping[str, int]) -> list[str]:
    """Say which rows came again in a second quiet run, but for orders: they have a look-back."""
    orders = ("orders", *OF_ORDERS)
    return [
        f"{rows} rows of {name} came again" for name, rows in again.items() if name not in orders
    ]


def told_secrets(texts: Iterable[str], secrets: Iterable[str]) -> list[str]:
    """Say which secrets stand in what was written or logged."""
    return [f"{secret!r} was told" for text in texts for secret in secrets if secret in text]
