"""Measures what the tap costs and how fast it is."""
