"""All that `emag-ops` knows of Meltano: its project file, database, logs and processes."""
