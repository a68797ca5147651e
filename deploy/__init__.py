"""What runs the jobs of `meltano.yml` in production; docs/running.md tells how to use it."""
