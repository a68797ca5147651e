"""A Singer tap for the eMAG Marketplace: complete, polite, and clear when something is wrong."""
