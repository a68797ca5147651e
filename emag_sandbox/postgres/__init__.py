"""Run a Postgres server of its own, without root rights."""
