"""The dashboard is what Grafana can load, shows every metric, and is found by compose's Grafana.

Grafana itself is not run: here the form of the file is looked at, and in `test_day.py` its queries
are asked of a real Prometheus.
"""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml

from tap_emag.metrics.definitions import FAMILIES, LIVE_FAMILIES
from tests.repository.test_docs import ROOT

FOLDER = ROOT / "monitoring" / "grafana"
TEXT = (FOLDER / "emag-sync.json").read_text(encoding="utf-8")
BOARD: dict[str, Any] = json.loads(TEXT)
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
COMPOSE = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text(encoding="utf-8"))
SHOWN_ELSEWHERE = {"emag_job_last_start_timestamp_seconds", "emag_job_last_failed"}
COLUMNS = 24
OWN = {"$__rate_interval", "$__interval", "$__range"}  # Grafana knows these by itself


def expressions() -> list[str]:
    return [target["expr"] for panel in PANELS for target in panel["targets"]]


def test_it_has_what_grafana_asks_of_a_dashboard() -> None:
    assert BOARD["uid"]
    assert BOARD["title"]
    # A number here would make Grafana look for that dashboard in its own database.
    assert BOARD["id"] is None
    assert BOARD["schemaVersion"] >= 36  # from which on data sources are named by type and uid
    assert BOARD["time"] == {"from": "now-24h", "to": "now"}


def test_panels_are_told_apart_and_lie_side_by_side() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        assert place["w"] > 0
        assert place["h"] > 0
        assert 0 <= place["x"] <= COLUMNS - place["w"]
    for one, other in combinations([panel["gridPos"] for panel in BOARD["panels"]], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_panel_says_what_it_shows_and_of_which_unit(panel: dict[str, Any]) -> None:
    assert panel["type"] in {"timeseries", "stat", "table"}
    assert panel["description"].endswith(".")
    assert '"unit"' in json.dumps(panel["fieldConfig"])
    names = [target["refId"] for target in panel["targets"]]
    assert names == sorted(set(names))
    for found in [panel, *panel["targets"]]:
        assert found["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_variables_are_declared_and_used() -> None:
    declared = {f"${variable['name']}" for variable in BOARD["templating"]["list"]}
    assert declared == {"$datasource", "$marketplace", "$account_type"}
    used = {name for text in expressions() for name in re.findall(r"\$\w+", text)} - OWN
    assert used == declared - {"$datasource"}
    [source] = [each for each in BOARD["templating"]["list"] if each["type"] == "datasource"]
    assert source["query"] == "prometheus"


def test_whatever_tells_accounts_apart_is_filtered_by_them() -> None:
    labels = {name: each.labels for each in FAMILIES + LIVE_FAMILIES for name in each.sample_names}
    for text in expressions():
        for name, selector in re.findall(r"\b(emag_\w+)(\{[^}]*\})?", text):
            for label in {"marketplace", "account_type"} & set(labels[name]):
                assert f'{label}=~"${label}"' in selector, text


def test_every_metric_is_shown() -> None:
    shown = {name for text in expressions() for name in re.findall(r"\bemag_\w+", text)}
    missing = {
        family.name for family in FAMILIES + LIVE_FAMILIES if not shown & set(family.sample_names)
    }
    assert missing == SHOWN_ELSEWHERE


def test_compose_s_grafana_finds_dashboard_and_prometheus() -> None:
    mounts = dict(
        mount.removesuffix(":ro").split(":") for mount in COMPOSE["services"]["grafana"]["volumes"]
    )
    provider = parsed("dashboards/tap-emag.yml")["providers"][0]
    assert provider["type"] == "file"
    assert mounts["../../monitoring/grafana"] == provider["options"]["path"]
    assert mounts["../../monitoring/grafana/provisioning"] == "/etc/grafana/provisioning"
    [source] = parsed("datasources/prometheus.yml")["datasources"]
    assert source["type"] == "prometheus"
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in COMPOSE["services"]
    scraping = yaml.safe_load((ROOT / "deploy/compose/prometheus.yml").read_text("utf-8"))
    assert source["jsonData"]["timeInterval"] == scraping["global"]["scrape_interval"]


def parsed(name: str) -> Any:  # noqa: ANN401 - whatever YAML holds
    found = yaml.safe_load((FOLDER / "provisioning" / name).read_text(encoding="utf-8"))
    assert found["apiVersion"] == 1
    return found


def test_the_file_is_written_as_a_diff_can_be_read() -> None:
    assert json.dumps(BOARD, indent=2) + "\n" == TEXT
