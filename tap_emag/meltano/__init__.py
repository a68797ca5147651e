"""Reads from Meltano: its variables, its command, and the run it records."""
