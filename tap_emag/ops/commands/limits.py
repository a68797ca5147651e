"""`emag-ops limits`."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from tap_emag.api.rate_limit_postgres import reading
from tap_emag.errors import ConfigurationError
from tap_emag.formatting import duration, table
from tap_emag.metrics import Totals
from tap_emag.ops.options import state_options
from tap_emag.ops.rate_limits import views
from tap_emag.state.store import StateStore

if TYPE_CHECKING:
    from collections.abc import Iterator
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
@click.option("--account", help="Show only this account, such as emag_bg/main.")
@click.option(
    "--forget",
    metavar="ACCOUNT",
    help="First drop an account that is read no more, such as emag_bg/main, here and in metrics.",
)
def command(
    *,
    state_dir: Path,
    rate_limit_store: str | None,
    as_json: bool,
    close_breakers: bool,
    account: str | None,
    forget: str | None,
) -> None:
    """Show each account's request budget: what is used, what is left, who had to wait."""
    store = StateStore(state_dir)
    if forget is not None:
        _forget(store, rate_limit_store, forget)
    if close_breakers and store.path.exists():
        store.execute("DELETE FROM circuit_breakers")
    seen = _seen(store, rate_limit_store)
    if account is not None:
        seen = [view for view in seen if _name(view) == account] or _unknown("--account", seen)
    if as_json:
        click.echo(json.dumps([_document(view) for view in seen], indent=2))
    else:
        for line in _lines(seen):
            click.echo(line)
        if not seen:
            text = f"No tap has kept a budget in {state_dir} yet; --state-dir names another folder."
            click.echo(text)


def _lines(seen: list[BucketView]) -> Iterator[str]:
    if seen:
        yield from table(HEAD, [_cells(view) for view in seen])
    for sharing in sorted({view.sharing for view in seen if len(view.sharing) > 1}):
        yield f"one budget, counted once: {', '.join(sharing)}"
    for waiting in _counted_together(seen):
        yield f"waits and waited are counted together: {', '.join(waiting)}"
    for reason in sorted({view.breaker.reason for view in seen if view.breaker.due}):
        yield f"breaker: {reason}"
    yield from sorted({_rest_breaker(view) for view in seen if view.rest_breaker.due})
    others: dict[str, set[str]] = defaultdict(set)
    for view in seen:
        others[view.host].add(_name(view))
    for host in sorted(others.keys() - {""}):
        names = ", ".join(sorted(others[host]))
        yield f"waits, refusals and circuit breakers are on the host {host}: {names}"


def _seen(store: StateStore, rate_limit_store: str | None) -> list[BucketView]:
    return list(views(store, Totals(store).read(), rate_limit_store, all_hosts=True))


def _forget(store: StateStore, rate_limit_store: str | None, account: str) -> None:
    marketplace, _, account_type = account.partition("/")
    with Totals(store).changing() as changes:
        found = changes.forget_account(marketplace, account_type)
    if rate_limit_store:
        with reading(rate_limit_store) as shared:
            found |= shared.forget(marketplace, account_type)
    if not found:
        _unknown("--forget", _seen(store, rate_limit_store))


def _unknown(option: str, seen: list[BucketView]) -> NoReturn:
    known = ", ".join(sorted({_name(view) for view in seen})) or "none"
    problem = f"{option}: no such account has kept a budget here; write one of these: {known}"
    raise ConfigurationError([problem])


def _name(view: BucketView) -> str:
    return f"{view.marketplace}/{view.account_type}"


def _cells(view: BucketView) -> tuple[str, ...]:
    second, minute = view.limits
    return (
        _name(view),
        view.bucket,
        f"{view.rate:.1f} of {view.usual:.1f} a second",
        f"{view.last_second} of {second}",
        f"{view.last_minute} of {minute}",
        *(_of_this_host(view) if not view.host else ("-",) * 4),
    )


def _of_this_host(view: BucketView) -> tuple[str, ...]:
    waited = duration(timedelta(seconds=view.waited))
    return str(view.waits), waited, str(view.refusals), _breaker(view.breaker)


def _counted_together(seen: list[BucketView]) -> list[list[str]]:
    """Return the accounts whose waits are one count: that metric has no marketplace."""
    types: dict[str, set[str]] = {}
    for view in (each for each in seen if not each.host):
        types.setdefault(view.account_type, set()).add(_name(view))
    return [sorted(names) for _, names in sorted(types.items()) if len(names) > 1]


def _rest_breaker(view: BucketView) -> str:
    account, breaker = _name(view), view.rest_breaker
    return f"breaker of the REST helpers, {account}: {_breaker(breaker)}: {breaker.reason}"


def _breaker(breaker: BreakerView) -> str:
    if breaker.due is None:
        return f"closed, {breaker.failures} failures" if breaker.failures else "closed"
    left = breaker.due - datetime.now(timezone.utc)
    return f"open, {duration(left)} left" if left > timedelta(0) else "open, next request tries"


def _document(view: BucketView) -> dict[str, Any]:
    second, minute = view.limits
    found = {
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
        "host": view.host or None,
    }
    return found | (_document_of_this_host(view) if not view.host else {})


def _document_of_this_host(view: BucketView) -> dict[str, Any]:
    return {
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
