"""What is Dagster's own, without Dagster: names and settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrate.dagster.jobs import Job, identifier
from orchestrate.dagster.settings import Settings
from orchestrate.meltano.project import Project


@given(st.text(min_size=1))
def test_names_are_made_fit_for_dagster(name: str) -> None:
    fit = identifier(name)
    assert len(fit) == len(name)
    assert fit.replace("_", "a").isalnum()
    assert fit.isascii()


@pytest.mark.parametrize(
    ("name", "account", "group"),
    [("orders", "main", "orders"), ("fbe-orders", "fbe", "orders"), ("hu-2-x", "hu_2", "x")],
)
def test_a_jobs_name_tells_account_and_group(name: str, account: str, group: str) -> None:
    job = Job(name, ())
    assert (job.account, job.group) == (account, group)


@pytest.mark.parametrize("text", ["many", "-1", "inf", "nan"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="EMAG_LONGEST_SECONDS"):
        Settings.read({"EMAG_LONGEST_SECONDS": text})


def test_no_limit_is_no_limit() -> None:
    assert Settings.read({"EMAG_LONGEST_SECONDS": "0"}).run_seconds == 0


def test_without_settings_the_checkout_is_run_for_as_long_as_the_docs_say() -> None:
    found = Settings.read({})
    assert found.project == Project.from_environment({})
    assert (found.longest_seconds, found.retry_seconds) == (900, 120)
    assert found.run_seconds == 52 * 60
