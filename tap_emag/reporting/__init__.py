"""Reports what a run did: log lines, metrics, webhook."""
