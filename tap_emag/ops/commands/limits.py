"""`emag-ops limits`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import click

from tap_emag.formatting import duration, table
from tap_emag.metrics import Totals
from tap_emag.ops.options import state_options
from tap_emag.ops.rate_limits import views
from tap_emag.state.store import StateStore

if TYPE_CHECKING:
    from pathlib import Path

    from tap_emag.ops.rate_limits import BreakerView, BucketView

HEAD: Final = (
    "account",
    "requests",
    "rate",
    "last second",
    "last minute",
    "waits",
    "waited",
    "refused",
    "breaker",
)


@click.command("limits")
@state_options
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")
@click.option(
    "--close-breakers",
    is_flag=True,
    help="Close the circuit breakers first, so that the next run makes a request at once.",
)
def command(
    *, state_dir: Path, rate_limit_store: str | None, as_json: bool, close_breakers: bool
) -> None:
    """Show each account's request budget: what is used, what is left, who had to wait."""
    store = StateStore(state_dir)
    if close_breakers and store.path.exists():
        store.execute("DELETE FROM circuit_breakers")
    seen = list(views(store, Totals(store).read(), rate_limit_store))
    if as_json:
        click.echo(json.dumps([_document(view) for view in seen], indent=2))
    elif seen:
        for line in table(HEAD, [_cells(view) for view in seen]):
            click.echo(line)
        for sharing in sorted({view.sharing for view in seen if len(view.sharing) > 1}):
            click.echo(f"one budget, counted once: {', '.join(sharing)}")
        for reason in sorted({view.breaker.reason for view in seen if view.breaker.due}):
            click.echo(f"breaker: {reason}")
        for line in sorted({_rest_breaker(view) for view in seen if view.rest_breaker.due}):
            click.echo(line)
    else:
        click.echo(
            f"No tap has kept a budget in {state_dir} yet; --state-dir names another folder."
        )


def _cells(view: BucketView) -> tuple[str, ...]:
    second, minute = view.limits
    return (
        f"{view.marketplace}/{view.account_type}",
        view.bucket,
        f"{view.rate:.1f} of {view.usual:.1f} a second",
        f"{view.last_second} of {second}",
        f"{view.last_minute} of {minute}",
        str(view.waits),
        duration(timedelta(seconds=view.waited)),
        str(view.refusals),
        _breaker(view.breaker),
    )


def _rest_breaker(view: BucketView) -> str:
    account, breaker = f"{view.marketplace}/{view.account_type}", view.rest_breaker
    return f"breaker of the REST helpers, {account}: {_breaker(breaker)}: {breaker.reason}"


def _breaker(breaker: BreakerView) -> str:
    if breaker.due is None:
        return f"closed, {breaker.failures} failures" if breaker.failures else "closed"
    left = breaker.due - datetime.now(timezone.utc)
    return f"open, {duration(left)} left" if left > timedelta(0) else "open, next request tries"


def _document(view: BucketView) -> dict[str, Any]:
    second, minute = view.limits
    return {
        "marketplace": view.marketplace,
        "account_type": view.account_type,
        "operation_type": view.bucket,
        "budget_of": list(view.sharing),
        "rate": round(view.rate, 3),
        "usual_rate": round(view.usual, 3),
        "requests_last_second": view.last_second,
        "limit_per_second": second,
        "requests_last_minute": view.last_minute,
        "limit_per_minute": minute,
        "held_for_seconds": round(view.held, 3),
        "waits": view.waits,
        "waited_seconds": round(view.waited, 3),
        "refusals": view.refusals,
        "breaker_open": view.breaker.due is not None,
        "breaker_due": view.breaker.due and view.breaker.due.isoformat(),
        "breaker_failures": view.breaker.failures,
        "breaker_reason": view.breaker.reason or None,
        "rest_breaker_open": view.rest_breaker.due is not None,
        "rest_breaker_reason": view.rest_breaker.reason or None,
    }
