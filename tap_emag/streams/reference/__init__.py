"""Reference lists: categories, localities, courier accounts, addresses and others."""
