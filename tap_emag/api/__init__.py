"""Calls the eMAG API within its limits."""
