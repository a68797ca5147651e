"""Invalid rows, which no other table can store."""
