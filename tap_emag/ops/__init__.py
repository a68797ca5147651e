"""`emag-ops`: commands for operators, which manage Meltano's runs from outside."""
