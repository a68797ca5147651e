"""What each run did with each stream: freshness and completeness, as a table."""
