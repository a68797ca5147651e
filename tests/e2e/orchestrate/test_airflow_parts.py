"""What is Airflow's own, without Airflow: where modules are found, whom a failure is told to."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from emag_airflow import callbacks
from tests.e2e.orchestrate.environments import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

SAYS = "password: is missing; set it, or TAP_EMAG_PASSWORD"


def test_with_airflows_folder_alone_the_shared_package_is_found_last(tmp_path: Path) -> None:
    code = "import sys; before = list(sys.path); import emag_airflow, orchestrate.meltano.schedules"
    code += f"; assert sys.path == [*before, {str(CHECKOUT)!r}], sys.path"
    folder = str(CHECKOUT / "orchestrate" / "airflow")
    subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": folder},
        check=True,
    )


def test_a_failure_is_logged_with_the_last_thing_the_tap_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    callbacks.log_failure({"exception": Exception(f"one\n{SAYS}\n")})
    assert [record.getMessage() for record in caplog.records] == [f"a task has failed: {SAYS}"]
    callbacks.log_failure({})
    assert "no reason given" in caplog.text


def test_another_function_may_be_called_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    assert callbacks.chosen() is callbacks.log_failure
    monkeypatch.setenv(callbacks.VARIABLE, "os.path.basename")
    chosen: object = callbacks.chosen()
    assert chosen is os.path.basename
    for wrong in ("os.path.nowhere", "nowhere.function", "word"):
        monkeypatch.setenv(callbacks.VARIABLE, wrong)
        with pytest.raises(ImportError, match=f"EMAG_ON_FAILURE={wrong} names no function"):
            callbacks.chosen()
