"""Offers, their history, deletions and estimates."""
