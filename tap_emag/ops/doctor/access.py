"""Checks whether eMAG lets this caller in, and what its replies show besides rows."""

from __future__ import annotations

import re
import time
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tap_emag.api.circuit_breaker import LOAD, Record
from tap_emag.api.network import check_certificates
from tap_emag.api.rate_limit_local import LocalStore, name_of
from tap_emag.api.rate_limit_postgres import PostgresStore
from tap_emag.api.rate_limiter import BUCKETS, Limiter
from tap_emag.api.server_clock import NOTABLE, REMEDY, SERIOUS
from tap_emag.errors import (
    AddressError,
    BudgetStoreError,
    ConfigurationError,
    CredentialsError,
    NotThereError,
    RefusedError,
    TransientError,
)
from tap_emag.ops.doctor.report import explained
from tap_emag.ops.doctor.samples import some
from tap_emag.settings.marketplaces import MARKETPLACES

if TYPE_CHECKING:
    from tap_emag.api.rate_limiter import BudgetStore
    from tap_emag.ops.doctor.answer import Answer
    from tap_emag.ops.doctor.prober import Prober
    from tap_emag.ops.doctor.report import Report
    from tap_emag.settings.settings import Settings
    from tap_emag.state.store import StateStore

PROFILE: Final = "My account > Profile > Technical details"
TELLING: Final = re.compile(r"ratelimit|rate-limit|retry-after")
SHORT_NUMBER: Final = re.compile(r"\d{1,5}(?:\.\d{1,3})?")
CUT_OFF: Final = 2.0  # seconds: a Date has no fraction, and a reply takes its time


def open_budgets(report: Report, settings: Settings, state: StateStore) -> BudgetStore | None:
    """Return the store of the account's request budgets; None where it cannot be used."""
    store: BudgetStore
    try:
        if settings.rate_limit_store:
            where = "in Postgres, for all hosts"
            store = PostgresStore(
                settings.rate_limit_store, settings.budget_identity, settings.rate_limit_share
            )
        else:
            where = "in state_dir, for this host"
            store = LocalStore(state, settings.budget_identity, settings.rate_limit_share)
        rates = Limiter(store)
        found = [f"{bucket} {rates.rate(bucket):.1f} per second" for bucket in BUCKETS]
    except (BudgetStoreError, ConfigurationError) as error:
        report.fault("request budget", *explained(error))
        return None
    report.ok("request budget", f"{where}: {', '.join(found)}")
    return store


def check_breaker(report: Report, settings: Settings, state: StateStore) -> None:
    """Check whether an earlier run has left the account's circuit breaker open."""
    name = name_of(settings.api_identity, "breaker")
    try:
        with state.read_only() as connection:
            found = connection.execute(LOAD, (name,)).fetchone()
    except OSError:
        report.skip("circuit breaker", "state_dir cannot be read")
        return
    record = Record(*found) if found else Record()
    left = record.opened + record.wait - time.time()
    if record.opened and 0 < left <= record.wait:
        report.warn(
            "circuit breaker",
            f"open for {left:.0f} s more, since an earlier run failed: runs send no request",
            "correct the cause, then `emag-ops limits --close-breakers`, or wait",
        )
    else:
        report.ok("circuit breaker", "closed")


def check_access(report: Report, settings: Settings, prober: Prober) -> Answer | None:
    """Send the first request; return its answer if eMAG lets this caller in."""
    try:
        if settings.api_url.startswith("https:"):
            check_certificates()
    except ConfigurationError as problem:
        report.fault("certificates", *explained(problem))
        return None
    answer = prober.ask("vat/read")
    return answer if _is_admitted(report, settings, prober, answer) else None


def _is_admitted(report: Report, settings: Settings, prober: Prober, answer: Answer) -> bool:
    error = answer.error
    if error and not prober.heard:
        report.fault("address", *explained(error))
        return False
    _reached(report, settings)
    if isinstance(error, AddressError):
        report.fault(
            "IP address",
            "eMAG refuses this machine's address",
            f"register it in the marketplace account ({PROFILE}); `meltano invoke tap-emag --test`"
            " shows the address that eMAG saw",
        )
        return False
    if isinstance(error, CredentialsError):
        report.ok("IP address", "not refused")
        report.fault("user and password", *explained(error))
        return False
    absent = isinstance(error, NotThereError) and _is_absent(prober)
    if error and (absent or isinstance(error, TransientError | RefusedError)):
        report.fault("first request", *explained(error))
        return False
    report.ok("IP address", "registered")
    report.ok("user and password", "accepted")
    return True


def _is_absent(prober: Prober) -> bool:
    """Return whether another resource does not exist either: it is not that one resource."""
    return isinstance(prober.ask("handling_time/read").error, NotThereError)


def _reached(report: Report, settings: Settings) -> None:
    own = MARKETPLACES[settings.marketplace].api_url
    named = "the marketplace's own host" if settings.api_url == own else "the host in api_url"
    secure = urlsplit(settings.api_url).scheme == "https"
    how = "answers; its certificate is trusted" if secure else "answers, without encryption"
    report.ok("address", f"{named} {how}")


def check_replies(report: Report, prober: Prober) -> None:
    """Report what all replies showed: the clock, headers of limits, failures."""
    _clock(report, prober)
    _limits(report, prober)
    failed = Counter(
        f"{each.status} ({_media(each.headers.get('content-type', ''))})"
        for each in prober.heard
        if each.status != HTTPStatus.OK
    )
    kinds = Counter(_media(each.headers.get("content-type", "")) for each in prober.heard)
    report.ok("content types", _listed(kinds))
    if failed:
        report.warn("failed replies", _listed(failed), "docs/errors.md explains each status")
    else:
        report.ok("failed replies", "none")


def _clock(report: Report, prober: Prober) -> None:
    ahead = [each.ahead for each in prober.heard if each.ahead is not None]
    check, offset = "clock", prober.ahead
    if not any(each.good for each in prober.heard):
        report.skip(check, "no good reply shows eMAG's")
        return
    if offset is None:
        report.warn(
            check,
            "no reply has a usable `Date`: only this machine's clock shows how far to read",
            "set this machine's clock by NTP; check whether a proxy removes `Date`",
        )
        return
    off = 0.0 if abs(offset) <= CUT_OFF else offset
    first, second = ("eMAG's", "this machine's") if off > 0 else ("this machine's", "eMAG's")
    text = f"{first} is {abs(off):.0f} s ahead of {second}"
    if abs(off) > SERIOUS:
        report.fault(check, text, f"{REMEDY}; if it is right, report the difference to eMAG")
    elif abs(off) > NOTABLE:
        report.warn(check, text, REMEDY)
    else:
        report.ok(check, text if off else "this machine's and eMAG's agree to the second")
    spread = max(ahead) - min(ahead)
    if spread > NOTABLE:
        report.warn(
            "clocks of eMAG",
            f"replies differ by {spread:.0f} s: the earliest plausible one counts",
            "report it to eMAG if it stays",
        )


def _limits(report: Report, prober: Prober) -> None:
    seen: dict[str, set[str]] = {}
    for each in prober.heard:
        for name, value in each.headers.items():
            if TELLING.search(name):
                short = value if SHORT_NUMBER.fullmatch(value) else "not a short number"
                seen.setdefault(name, set()).add(short)
    texts = [f"{name}: {' or '.join(sorted(values))}" for name, values in sorted(seen.items())]
    throttled = sum(each.status == HTTPStatus.TOO_MANY_REQUESTS for each in prober.heard)
    text = some(texts) or "no reply has a header that names a limit"
    if throttled:
        report.warn(
            "limits seen",
            f"{throttled} of {len(prober.heard)} requests refused with HTTP 429; {text}",
            "other programs use the same budget: lower `rate_limit_share` (docs/limits.md)",
        )
    else:
        report.ok("limits seen", text)


def _media(content_type: str) -> str:
    found = re.match(r"[a-z]{1,20}/[a-z0-9.+-]{1,40}", content_type.lower())
    return found[0] if found else "no content type"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{number} of {kind}" for kind, number in sorted(counts.items()))
