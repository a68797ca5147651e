"""Lays out what real runs have exported as a schedule would, and asks Prometheus' rule engine.

Alerts wait for minutes and hours, runs of a small sandbox take seconds. So what the exporter said
after a run is held for as long as the schedule would go on like that, a run every five minutes, and
moments in it are moved to where they would be. Rules are the shipped ones, evaluated by promtool.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from tests.e2e.monitoring.programs import program

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SETTLE = 2  # seconds that a bookmark stays before the server's clock, which has whole seconds
MINUTE, EVERY = 60, 5  # seconds; minutes between two runs of orders
TARGET = 'instance="localhost:8000",job="tap-emag"'
SAMPLE = re.compile(r"(?m)^(emag_\w+?)(?:\{(.*)\})? (\S+)$")
UP = f"up{{{TARGET}}}"
FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'


@dataclass(frozen=True)
class Phase:
    """What the exporter said after a run, and for how many minutes it goes on like that.

    `begun` is when that run began, in Unix time. Where no runs follow, as none can, `once` is set.
    """

    begun: float
    minutes: int
    samples: Mapping[str, float]
    once: bool = False


def parse(exposition: str) -> dict[str, float]:
    """Return the values of an exporter's answer by series, as one target's."""
    found = SAMPLE.findall(exposition)
    series = {
        f"{name}{{{','.join(filter(None, (labels, TARGET)))}}}": v for name, labels, v in found
    }
    return {UP: 1.0, **{name: float(value) for name, value in series.items()}}


class Timeline:
    """Phases one after the other, and which alerts are expected to fire when."""

    def __init__(self) -> None:
        """Begin at minute 0."""
        self._phases: list[Phase] = []
        self._starts: list[int] = []
        self._expected: list[tuple[int, frozenset[str]]] = []

    def add(
        self,
        begun: float,
        exposition: str | None,
        minutes: int,
        firing: Mapping[int, set[str]],
        *,
        once: bool = False,
    ) -> None:
        """Go on with a phase; `firing` says which alerts fire at which of its minutes.

        Without an exposition the exporter does not answer.
        """
        assert minutes % EVERY == 0
        start = self.minutes
        samples = {UP: 0.0} if exposition is None else parse(exposition)
        self._phases.append(Phase(begun, minutes, samples, once))
        self._starts.append(start)
        self._expected += [(start + minute, frozenset(names)) for minute, names in firing.items()]

    @property
    def minutes(self) -> int:
        """How long all phases take."""
        return sum(phase.minutes for phase in self._phases)

    def check(self, rules: Path, folder: Path) -> str:
        """Return what promtool says of the expected alerts: nothing if all is as expected."""
        file = folder / "timeline.test.yml"
        series = dict.fromkeys(name for phase in self._phases for name in phase.samples)
        test = {
            "interval": "1m",
            "input_series": [{"series": name, "values": self._values(name)} for name in series],
            "promql_expr_test": [
                {
                    "expr": FIRING,
                    "eval_time": f"{minute}m",
                    "exp_samples": [
                        {"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(names)
                    ],
                }
                for minute, names in self._expected
            ],
        }
        content = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [test]}
        file.write_text(yaml.safe_dump(content, width=10**9), encoding="utf-8")
        done = subprocess.run(
            [program("promtool"), "test", "rules", str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def _values(self, series: str) -> str:
        values, there = [], False
        for phase, start in zip(self._phases, self._starts, strict=True):
            for minute in range(start, start + phase.minutes):
                value = phase.samples.get(series)
                if value is None:
                    values.append("stale" if there else "_")
                elif "_timestamp_seconds{" in series:
                    # A bookmark may be older than the run that moved it.
                    older = SETTLE + 1 if "bookmark" in series else 0
                    values.append(repr(self._moved(value + older, minute) - older))
                else:
                    values.append(repr(value))
                there = value is not None
        return " ".join(values)

    def _moved(self, moment: float, minute: int) -> float:
        """Return where a moment of a real run is, at a minute of the timeline, in seconds."""
        ran = [n for n, phase in enumerate(self._phases) if phase.begun <= moment]
        number = ran[-1] if ran else 0
        phase, start = self._phases[number], self._starts[number]
        latest = 0 if phase.once else phase.minutes - EVERY
        last_run = min((minute - start) // EVERY * EVERY, latest)
        return (start + last_run) * MINUTE + moment - phase.begun
