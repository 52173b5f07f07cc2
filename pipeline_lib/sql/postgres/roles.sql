-- The three roles of the pipeline, run as a superuser; run again, it sets the passwords to the ones given.
-- A failed statement is not written to the server's log: it would carry a password.
SET log_min_error_statement = 'panic';

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'experiments_owner') THEN
        CREATE ROLE experiments_owner;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'experiments_replication') THEN
        CREATE ROLE experiments_replication;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'experiments_application') THEN
        CREATE ROLE experiments_application;
    END IF;
END
$$;

ALTER ROLE experiments_owner WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'owner_password';
ALTER ROLE experiments_replication WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE REPLICATION PASSWORD :'replication_password';
ALTER ROLE experiments_application WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'application_password';

RESET log_min_error_statement;
