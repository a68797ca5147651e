"""What the tap costs and how fast it is, measured."""
