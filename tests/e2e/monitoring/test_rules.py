"""The alerts: promtool's own tests, the schedules they follow, and the page that explains them."""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tap_emag.metrics.definitions import FAMILIES, LIVE_FAMILIES
from tap_emag.ops.intervals import stream_intervals
from tap_emag.tap import STREAMS
from tests.e2e.monitoring.programs import program
from tests.e2e.orchestrate.page import commands
from tests.repository.test_docs import ROOT, _anchors

FOLDER = ROOT / "monitoring" / "prometheus"
RUNBOOK = ROOT / "docs" / "runbook.md"
ENTER, CHECK, TEST = commands("metrics.md", "cd monitoring/prometheus")
RULE_TESTS = tuple(path.name for path in FOLDER.glob("*.test.yml"))
INTERVAL = "emag:sync_interval:seconds"
LEFT_OUT = ("commissions", "smart_deals", "category_values")


@cache
def parsed(name: str) -> Any:  # noqa: ANN401 - whatever YAML holds
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    return [each for each in _all_rules() if "alert" in each]


def _all_rules() -> list[dict[str, Any]]:
    return [rule for group in parsed("alerts.yml")["groups"] for rule in group["rules"]]


def pasted(command: str) -> str:
    """Run a command of the page in the folder that the page names."""
    own = {"PATH": f"{Path(program('promtool')).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", f"{ENTER}\n{command}"],
        cwd=ROOT,
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_can_read_rules_and_settings() -> None:
    shown = pasted(CHECK)
    assert "is valid prometheus config" in shown
    assert f"{len(_all_rules())} rules found" in shown


def test_alerts_fire_when_they_should_and_only_then() -> None:
    shown = pasted(TEST)
    assert [name for name in RULE_TESTS if name not in shown] == []
    assert shown.count("SUCCESS") == len(RULE_TESTS)


def test_every_rule_is_seen_to_fire_and_not_to_fire() -> None:
    fired: set[tuple[str, str]] = set()
    quiet: set[str] = set()
    cases = [
        case for name in RULE_TESTS for test in parsed(name)["tests"] for case in cases_of(test)
    ]
    for case in cases:
        for alert in case["exp_alerts"]:
            labels = alert["exp_labels"]
            fired.add((case["alertname"], labels["severity"]))
        if not case["exp_alerts"]:
            quiet.add(case["alertname"])
    assert fired == {(rule["alert"], rule["labels"]["severity"]) for rule in rules()}
    assert quiet == {rule["alert"] for rule in rules()}


def cases_of(test: dict[str, Any]) -> list[dict[str, Any]]:
    return list(test["alert_rule_test"])


def test_every_alert_has_what_its_receiver_needs() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}


def test_every_alert_leads_to_its_paragraph_and_every_paragraph_has_an_alert() -> None:
    anchors = _anchors(RUNBOOK)
    links = {rule["alert"]: rule["annotations"]["runbook_url"] for rule in rules()}
    for alert, link in links.items():
        assert link == f"{{{{ $externalLabels.runbooks }}}}docs/runbook.md#{alert.lower()}"
        assert alert.lower() in anchors, f"docs/runbook.md tells nothing of {alert}"
    told = re.findall(r"(?m)^#+ (Emag\w+)$", RUNBOOK.read_text(encoding="utf-8"))
    assert sorted(told) == sorted(links)


def test_alerts_ask_for_metrics_and_labels_that_are_there() -> None:
    samples = {name: family for family in FAMILIES + LIVE_FAMILIES for name in family.sample_names}
    for rule in rules():
        for name, selector in re.findall(r"\b(emag_\w+)(\{[^}]*\})?", rule["expr"]):
            assert name in samples, f"{rule['alert']}: there is no {name}"
            asked = set(re.findall(r"(\w+)(?:=~|!~|!=|=)", selector))
            assert asked <= {*samples[name].labels, "le"}, f"{rule['alert']}: {name}{selector}"


def test_a_stream_or_job_is_stale_when_two_of_its_intervals_have_passed() -> None:
    limits = {"EmagStreamStale": INTERVAL, "EmagJobStale": "max by (state_id) (emag_job_interval"}
    stale = [rule for rule in rules() if rule["alert"] in limits]
    assert len(stale) == 4
    for rule in stale:
        assert rule["expr"].partition("> 2 * ")[2].startswith(limits[rule["alert"]])


def test_where_no_interval_is_exported_those_of_meltano_yml_count() -> None:
    [record] = [each for each in _all_rules() if each.get("record") == INTERVAL]
    usual = re.findall(r'or (\d+) \* .*?\(\{.*?(?:sync_type=~?"([^"]+)")?\}\)', record["expr"])
    assert len(usual) == 3
    known = {dict(labels)["sync_type"]: one for (_, labels), one in _of_main().items()}
    for stream in STREAMS:
        if stream.parent_stream_type is None and stream.table.name not in LEFT_OUT:
            name = stream.table.name
            first = next(one for one, names in usual if not names or re.fullmatch(names, name))
            assert int(first) == known[name], name


def _of_main() -> dict[Any, float]:
    found = stream_intervals(ROOT, {})
    return {each: one for each, one in found.items() if ("account_type", "main") in each[1]}


def test_every_stream_that_is_scheduled_is_watched_by_one_rule() -> None:
    stale = [rule["expr"] for rule in rules() if rule["alert"] == "EmagStreamStale"]
    for stream in STREAMS:
        if stream.parent_stream_type is None:
            name = stream.table.name
            watching = [expr for expr in stale if watches(expr, name)]
            assert len(watching) == (name not in LEFT_OUT), name


def watches(expression: str, stream: str) -> bool:
    found = re.search(r'sync_type(=|=~|!~)"([^"]+)"', expression)
    assert found
    return bool(re.fullmatch(found[2], stream)) != (found[1] == "!~")
