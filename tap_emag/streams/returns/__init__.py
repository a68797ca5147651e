"""Returns, with their lines, events and shipments."""
