"""The streams: what is read, in which partitions, and how far the bookmark moves."""
