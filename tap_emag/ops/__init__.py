"""`emag-ops`: for whoever runs the pipelines; it looks after Meltano's runs from outside."""
