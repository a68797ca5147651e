"""Twelve questions to the marts, and the page that shows their answers."""
