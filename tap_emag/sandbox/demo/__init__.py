"""The whole pipeline on this machine: sandbox, Meltano, PostgreSQL, and what comes out of it."""
