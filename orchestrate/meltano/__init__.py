"""Runs Meltano for a scheduler; needs Python only, as it lives in the scheduler's environment."""
