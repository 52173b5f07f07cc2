-- What each role may do, and no more; run as a superuser, any number of times.
-- The database is the one that the statement runs in.
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO experiments_owner, experiments_replication, experiments_application',
        current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO experiments_replication, experiments_application;

-- Debezium reads the outbox once, when it takes its snapshot; afterwards it reads the WAL.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM experiments_replication;
GRANT SELECT ON public.outbox TO experiments_replication;

-- An application adds and reads; of the outbox it may only read back the id of the row it wrote.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM experiments_application;
GRANT SELECT ON public.experiments, public.variants TO experiments_application;
GRANT SELECT, INSERT ON public.users, public.assignments, public.events TO experiments_application;
GRANT INSERT ON public.outbox TO experiments_application;
GRANT SELECT (id, created_at) ON public.outbox TO experiments_application;
GRANT USAGE ON SEQUENCE public.outbox_id_seq TO experiments_application;
