"""The code lists of eMAG's documentation."""
