"""The files for GitHub have the form that it reads, and run what a developer runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from tap_emag.settings.marketplaces import MARKETPLACES
from tests.repository.test_docs import ROOT
from tests.repository.test_packaging import VERSIONS
from tools import release

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
SCHEMAS = {
    "github-workflows": WORKFLOWS,
    "dependabot": [GITHUB / "dependabot.yml"],
    "github-issue-forms": FORMS,
    "github-issue-config": [GITHUB / "ISSUE_TEMPLATE/config.yml"],
}


def read(path: Path) -> dict[str, Any]:
    # A key `on` is a boolean to YAML 1.1.
    return cast("dict[str, Any]", yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_each_file_has_the_form_that_github_reads(schema: str) -> None:
    assert SCHEMAS[schema]
    check = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [check, "--builtin-schema", f"vendor.{schema}", *map(str, SCHEMAS[schema])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_workflow_runs_what_every_build_server_runs_on_each_version() -> None:
    job = read(GITHUB / "workflows/ci.yml")["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == VERSIONS
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_and_jobs_may_do_little(path: Path) -> None:
    workflow = read(path)
    given = {name: job.get("permissions", {}) for name, job in workflow["jobs"].items()}
    written = {name for name, each in given.items() if "write" in each.values()}
    assert workflow["permissions"] in ({}, {"contents": "read"})
    assert written == ({"publish", "release"} if path.stem == "release" else set())
    assert given.get("publish", {}).get("id-token") == ("write" if written else None)
    used = re.findall(r"uses: (\S+)(.*)", path.read_text(encoding="utf-8"))
    others = [each for each in used if not each[0].startswith("./")]
    assert others
    for action, comment in others:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r"  # v\d+\.\d+\.\d+", comment), action
    assert "${{ secrets." not in path.read_text(encoding="utf-8")


def test_a_release_is_tested_and_built_before_it_is_published() -> None:
    jobs = read(GITHUB / "workflows/release.yml")["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/ci.yml"
    assert set(jobs["publish"]["needs"]) == {"test", "build"}
    assert jobs["release"]["needs"] == "publish"
    commands = [step.get("run", "") for step in jobs["build"]["steps"]]
    assert "make dist" in commands
    assert any("python -m tools.release" in command for command in commands)


def test_the_form_asks_for_every_marketplace() -> None:
    fields = {
        field.get("id"): field for field in read(GITHUB / "ISSUE_TEMPLATE/defect.yml")["body"]
    }
    assert fields["marketplace"]["attributes"]["options"] == [*MARKETPLACES, "none"]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(release, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nversion = "1.2.0"\nurls = {Repository = "https://h/o/r"}\n'
    )
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## Unreleased\n\n- New.\n\n## 1.2.0 (2026-12-01)\n\n- One.\n- Two.\n\n"
        "## 1.1.0\n\n- Old.\n"
    )
    return tmp_path


@pytest.mark.usefixtures("checkout")
def test_the_notes_of_a_release_are_its_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main("v1.2.0", "https://h/o/r") == 0
    assert capsys.readouterr().out == "- One.\n- Two.\n"


def test_each_thing_that_a_release_lacks_is_named(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- New.\n")
    assert release.main("v1.3.0", "https://h/o/other") == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "pyproject.toml: version 1.2.0 is not v1.3.0; change one of them",
        "CHANGELOG.md: no section for 1.2.0; rename `## Unreleased`",
        "pyproject.toml: the addresses begin with https://h/o/r; write https://h/o/other",
    ]


def test_the_placeholder_of_the_address_is_not_released() -> None:
    found = release.problems("v0.1.0", "https://git.host/owner/name")
    assert any("; write https://git.host/owner/name" in problem for problem in found)
