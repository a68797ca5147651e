"""The commands of `emag-ops`, one in each module."""
