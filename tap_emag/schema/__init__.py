"""Converts a reply's JSON to typed rows of tables."""
