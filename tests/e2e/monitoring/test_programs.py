"""Where Prometheus cannot be had, its tests are left out with a reason; a build server fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.monitoring.programs import WITHOUT, program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def nothing_to_be_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide whatever is installed, apt-get as well."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv(WITHOUT, raising=False)


def test_somebody_s_own_machine_leaves_the_test_out(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "prometheus is not installed, and there is no apt-get"
    with pytest.raises(pytest.skip.Exception, match=reason):
        program("prometheus")
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv(WITHOUT, "1")
    with pytest.raises(pytest.skip.Exception, match=reason):
        program("prometheus")


def test_a_build_server_must_not_leave_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"install Prometheus, or set {WITHOUT}=1"):
        program("prometheus")


def test_what_is_installed_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CI", "true")
    path = tmp_path / "node_exporter"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    assert program("node_exporter") == str(path)
