"""First runs that begin at the same moment: the loader's race, and how it ends."""

from __future__ import annotations

import os
import subprocess
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from tests.support.pipeline import Pipeline, shop

if TYPE_CHECKING:
    from pathlib import Path

    from emag_sandbox.postgres.server import Postgres

pytestmark = pytest.mark.meltano
SINCE = datetime.now(timezone.utc) - timedelta(days=20)
SCHEMA = "emag"
# The loader looks whether a schema or a table exists, then creates it. This keeps the first two
# loaders between the two steps until both have come as far.
MEET = """
CREATE SEQUENCE public.arrivals;
GRANT ALL ON SEQUENCE public.arrivals TO PUBLIC;
CREATE FUNCTION public.meet() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('public.arrivals') > 2 THEN RETURN; END IF;
  FOR tries IN 1..600 LOOP
    EXIT WHEN (SELECT last_value FROM public.arrivals) >= 2;
    PERFORM pg_sleep(0.05);
  END LOOP;
END $$;
CREATE EVENT TRIGGER meet ON ddl_command_start WHEN TAG IN ('{tag}')
  EXECUTE FUNCTION public.meet();
"""


class Loader:
    """A target-postgres under way, which reads the output of a tap from a file."""

    def __init__(self, plugins: Path, database: Postgres, given: Path) -> None:
        command = plugins / ".meltano/loaders/target-postgres/venv/bin/target-postgres"
        environment = {
            **os.environ,
            **database.environment(),
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": SCHEMA,
        }
        with given.open("rb") as messages:
            self._process = subprocess.Popen(
                [command, "--config=ENV"],
                env=environment,
                stdin=messages,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )

    def finish(self) -> tuple[int, bytes, bytes]:
        """Wait for the end; return the exit code, the states it confirmed, and its log."""
        try:
            states, log = self._process.communicate(timeout=300)
        finally:
            self._process.kill()
        return self._process.returncode, states, log


@pytest.mark.parametrize("tag", ["CREATE SCHEMA", "CREATE TABLE"])
def test_a_first_run_that_lost_the_loader_s_race_is_complete_after_the_next(
    database: Postgres, meltano_plugins: Path, tmp_path: Path, tag: str
) -> None:
    outputs = [tmp_path / "2", tmp_path / "3"]  # named by order type
    with shop(orders=20, history_days=10) as sandbox:
        for output in outputs:
            output.mkdir()
            pipeline = Pipeline(output, sandbox, "orders,rejected_rows", SINCE)
            run = pipeline.run(order_types=[int(output.name)])
            assert run.code == 0
            (output / "output").write_bytes(b"".join(run.lines))
        expected = {(row["type"], row["id"]) for row in sandbox.world.orders()}
    with database.connect() as connection:
        if tag == "CREATE TABLE":
            connection.execute(f"CREATE SCHEMA {SCHEMA}")
        connection.execute(MEET.replace("{tag}", tag))
    loaders = [Loader(meltano_plugins, database, output / "output") for output in outputs]
    ends = [loader.finish() for loader in loaders]
    [(loser, (_, states, log))] = [(n, end) for n, end in enumerate(ends) if end[0] != 0]
    assert not states  # so Meltano keeps none, and the next run reads all of it again
    assert b"already exists" in log or b"pg_" in log
    assert Loader(meltano_plugins, database, outputs[loser] / "output").finish()[0] == 0
    with database.connect() as connection:
        found = set(connection.execute(f"SELECT type, id FROM {SCHEMA}.orders").fetchall())
    assert found == expected
