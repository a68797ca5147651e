-- Meltano keeps each run with a copy of the state, and removes none. This removes runs that ended
-- more than 90 days ago from its database. Bookmarks stay: they lie in a table of their own.

DELETE FROM runs WHERE ended_at < now() AT TIME ZONE 'UTC' - interval '90 days';
