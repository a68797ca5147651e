"""The tables this tap fills, and the pure functions that fill them."""
