"""Encode the shop's rows as eMAG sends them."""
