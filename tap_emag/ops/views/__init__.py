"""Creates the marts as plain views, for databases without dbt."""
