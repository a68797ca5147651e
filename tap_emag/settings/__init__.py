"""Declares and checks the settings, and the account they name."""
