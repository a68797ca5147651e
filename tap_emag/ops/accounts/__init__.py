"""Makes plugins, jobs and schedules of Meltano from a table of seller accounts."""
