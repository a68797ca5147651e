"""Reports of runs that wait for the loader, and what comes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tap_emag.metrics import Totals
from tap_emag.metrics import definitions as f
from tap_emag.ops.commands.report_runs import report_if_possible
from tap_emag.reporting.unconfirmed import Outlets, Unconfirmed, UnconfirmedReports, project_of
from tap_emag.state.store import StateStore
from tests.support.reports import ORDERS, a_report
from tests.support.stores import rows

if TYPE_CHECKING:
    from pathlib import Path

    from emag_sandbox import Sandbox
    from tap_emag.ops.meltano.database import Run
    from tests.support.meltano_project import MeltanoProject
    from tests.support.receiver import Receiver
    from tests.unit.ops.booked import Books


ACCOUNT = (("account_type", "main"), ("marketplace", "emag_ro"), ("sync_type", "orders"))
LAST_SUCCESS = (f.LAST_SUCCESS.name, ACCOUNT)


def events(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in receiver.received]


def waiting(store: StateStore) -> set[str]:
    """Return the names of the reports that wait."""
    return {name for (name,) in rows(store, "SELECT name FROM unconfirmed_reports")}


class Jobs:
    """The job `orders` into a real Postgres, with a webhook."""

    def __init__(
        self, project: MeltanoProject, folder: Path, receiver: Receiver, shop: Sandbox
    ) -> None:
        self.project = project
        self.shop = shop
        self.receiver = receiver
        self.store = Totals(StateStore(folder / "taps"))

    def run(self, **loader: str) -> None:
        self.project.pipeline.environment.update(loader)
        self.project.run("orders", check=False)

    def listed(self) -> dict[str, Any]:
        result = self.project.pipeline.call("invoke", "emag-ops", "list-runs", "--json")
        start = result.output.index("\n[\n") if not result.output.startswith("[") else 0
        runs: list[dict[str, Any]] = json.JSONDecoder().raw_decode(result.output[start:].lstrip())[
            0
        ]
        return runs[0]


class Reported:
    """A report that waits, a run in Meltano's database, and what comes of them."""

    def __init__(self, books: Books, receiver: Receiver, folder: Path) -> None:
        self.books = books
        self.receiver = receiver
        self.folder = folder
        self.store = StateStore(folder)
        self.reports = UnconfirmedReports(self.store)

    def wait_for(self, run: Run, *, name: str = "one", **changes: Any) -> None:  # noqa: ANN401
        report = replace(a_report(streams=(ORDERS,)), run_id=run.run_id, started=run.started)
        outlets = Outlets(webhook_url=self.receiver.url)
        entry = Unconfirmed(report, run.state_id, outlets, project_of(self.books.root))
        self.reports.write(name, replace(entry, **changes))

    def report(self) -> list[dict[str, Any]]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TAP_EMAG_STATE_DIR", str(self.folder))
            report_if_possible(self.books.place, self.books.runs)
        return events(self.receiver)

    def value(self, family: f.Family, **labels: str) -> float:
        values = Totals(self.store).read().values
        wanted = labels.items()
        return sum(
            value
            for (name, found), value in values.items()
            if name in {family.name, f"{family.name}_count"} and wanted <= dict(found).items()
        )
