-- Roles for the database that eMAG's rows go to. Run it once, in that database, as a superuser or as
-- its owner with CREATEROLE; passwords are set apart (docs/running.md), so that none stands in a file.
--
--   emag_loader   the loader and dbt: make and alter what is in the schemas below, and nothing else
--   emag_reader   analysts: read the tables, their views and the marts; grant it to whoever asks questions
--   emag_analyst  the marts alone, which name no customer

CREATE ROLE emag_loader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT;
CREATE ROLE emag_reader NOLOGIN;
CREATE ROLE emag_analyst NOLOGIN;

-- Nobody gets in, or makes anything, merely because the database is there.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
DO $$
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO emag_reader, emag_analyst', current_database());
  -- The loader lays each batch into a temporary table before it merges it.
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO emag_loader', current_database());
END
$$;

-- The loader owns its schema, since only an owner can add a column or a comment.
CREATE SCHEMA emag AUTHORIZATION emag_loader;
GRANT USAGE ON SCHEMA emag TO emag_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE emag_loader IN SCHEMA emag GRANT SELECT ON TABLES TO emag_reader;

-- dbt builds the marts as the loader: docs/marts.md. Views of `emag_staging` name customers.
CREATE SCHEMA emag_staging AUTHORIZATION emag_loader;
CREATE SCHEMA emag_marts AUTHORIZATION emag_loader;
GRANT USAGE ON SCHEMA emag_staging TO emag_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE emag_loader IN SCHEMA emag_staging
  GRANT SELECT ON TABLES TO emag_reader;
GRANT USAGE ON SCHEMA emag_marts TO emag_reader, emag_analyst;
ALTER DEFAULT PRIVILEGES FOR ROLE emag_loader IN SCHEMA emag_marts
  GRANT SELECT ON TABLES TO emag_reader, emag_analyst;
