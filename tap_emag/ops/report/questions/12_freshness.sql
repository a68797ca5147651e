-- How fresh and how complete each table of each account is
SELECT account_key, table_name, rows, newest_change_at, last_sync_at, last_sync_state, is_complete, read_up_to
FROM emag_freshness
ORDER BY account_key, table_name
