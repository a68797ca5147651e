"""Serve eMAG's API: requests, replies, budgets and faults."""
