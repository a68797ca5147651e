"""dbt's command as a function `main`, for `tests.support.forking`; runs in dbt's environment."""

from __future__ import annotations

from dbt.cli.main import cli as main

__all__ = ["main"]
