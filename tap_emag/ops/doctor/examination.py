"""The order of the doctor's checks: the most important ones first, while requests are left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_emag.api.server_clock import machine_now
from tap_emag.ops.doctor import machine
from tap_emag.ops.doctor.access import (
    check_access,
    check_breaker,
    check_replies,
    open_budgets,
)
from tap_emag.ops.doctor.lists import ListChecks
from tap_emag.ops.doctor.meltano import check_locks
from tap_emag.ops.doctor.orders import OrderChecks
from tap_emag.ops.doctor.prober import Prober
from tap_emag.ops.doctor.samples import Keys
from tap_emag.redaction import secrets_of
from tap_emag.schema.local_time import Clock
from tap_emag.settings.marketplaces import MARKETPLACES
from tap_emag.settings.settings import Checked
from tap_emag.state.store import StateStore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tap_emag.ops.doctor.answer import Answer
    from tap_emag.ops.doctor.report import Report
    from tap_emag.ops.meltano.project import Place
    from tap_emag.settings.settings import Settings


class Examination:
    """Checks this machine, the settings, and how eMAG answers."""

    def __init__(
        self,
        report: Report,
        config: Mapping[str, Any],
        place: Place | None = None,
        meltano: str | None = None,
    ) -> None:
        """Take the tap's configuration; `place` and the version of Meltano in a project."""
        self._report = report
        self._config = config
        self._place = place
        self._meltano = meltano
        self._now = machine_now()
        self._checked = Checked.of(config, self._now)
        settings = self._checked.usable
        report.discretion.secrets(secrets_of(config))
        report.discretion.word(str(settings.state_dir), "state_dir")
        if settings.api_url != MARKETPLACES[settings.marketplace].api_url:
            report.discretion.word(settings.api_url, "api_url")

    def run(self) -> int:
        """Make all checks; return the number of requests that were sent."""
        report, settings = self._report, self._checked.usable
        with StateStore(settings.state_dir) as state:
            usable = self._check_machine(state)
            report.begin("Settings")
            valid = machine.check_settings(report, self._config, self._checked, self._now)
            if not (usable and valid):
                report.begin("eMAG")
                report.skip("all requests", "not sent, for the reason above")
                return 0
            report.begin("eMAG")
            report.ok("account", f"{settings.marketplace}/{settings.account_type}")
            check_breaker(report, settings, state)
            budgets = open_budgets(report, settings, state)
            if budgets is None:
                report.skip("all requests", "not sent, for the reason above")
                return 0
            with Prober(settings, budgets) as prober:
                first = check_access(report, settings, prober)
                if first is not None:
                    self._ask(settings, prober, first)
                if prober.heard:
                    report.begin("Replies of eMAG")
                    check_replies(report, prober)
                return prober.requests

    def _check_machine(self, state: StateStore) -> bool:
        report = self._report
        report.begin("This machine")
        root = self._place.root if self._place else None
        machine.check_versions(report, root, self._meltano)
        usable = machine.check_state_folder(report, state)
        if usable:
            check_locks(report, state)
        folders: dict[str, Path] = {"state_dir": state.folder}
        if self._place:
            folders["the project"] = self._place.root
            machine.check_secret_files(report, self._place.root, self._place.system)
        machine.check_disks(report, folders)
        return usable

    def _ask(self, settings: Settings, prober: Prober, first: Answer) -> None:
        report, keys, clock = self._report, Keys(), Clock(settings.timezone)
        report.begin("Orders")
        orders = OrderChecks(report, prober, settings, clock, keys, [])
        orders.run()
        lists = ListChecks(report, prober, settings, clock, keys)
        report.begin("Offers, returns, shipments")
        lists.offers()
        lists.all_returns()
        report.begin("Lists and invoices")
        lists.lists(first)
        lists.invoices()
        lists.packages()
        report.begin("Keys and shapes")
        orders.volumetry()
        lists.bound_of_localities()
        _check_keys(report, keys)


def _check_keys(report: Report, keys: Keys) -> None:
    what = f"in {keys.rows:,} rows of {len(keys.resources)} resources"
    unknown, invalid = keys.names("unknown"), keys.names("invalid")
    if unknown:
        remedy = "kept in the column `extra`; open an issue, so that they get columns"
        report.warn("unknown keys", f"{unknown}; {what}", remedy)
    else:
        report.ok("unknown keys", f"none {what}")
    if invalid:
        remedy = "kept in the column `extra`; open an issue, so that the columns take them"
        report.warn("values of another type", f"{invalid}; {what}", remedy)
    else:
        report.ok("values of another type", f"none {what}")
    unnamed = keys.codes.text()
    stored = "they are stored, but no code table explains them"
    report.ok("codes without a name", f"{unnamed}; {stored}" if unnamed else f"none {what}")
    if keys.failed:
        report.warn(
            "invalid rows",
            f"some of {', '.join(sorted(keys.failed))}",
            "a run stores them in rejected_rows; open an issue",
        )
