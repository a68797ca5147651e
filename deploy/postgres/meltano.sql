-- The role that Meltano keeps its runs and bookmarks with. Run it once, in a database made for that
-- alone (CREATE DATABASE meltano), as a superuser; the password is set apart, see docs/running.md.

CREATE ROLE emag_meltano LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO emag_meltano;
DO $$
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO emag_meltano', current_database());
END
$$;
