"""Runs what `meltano.yml` schedules under Dagster; see docs/dagster.md."""
