"""The complete pipeline on this machine: sandbox, Meltano, PostgreSQL, and its results."""
