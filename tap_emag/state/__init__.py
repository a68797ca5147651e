"""Stores what outlives a run, and excludes simultaneous runs of one state."""
