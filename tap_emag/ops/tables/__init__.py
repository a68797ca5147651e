"""Keeps the loader's tables as the streams declare them."""
