"""A Singer tap for the eMAG Marketplace: complete, polite, with clear errors."""
