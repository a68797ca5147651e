"""The checks of `emag-ops doctor`: this machine, the settings, eMAG, Postgres and Meltano."""
