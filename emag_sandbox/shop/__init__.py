"""A seller's make-believe shop: what exists, and how it changes."""
