-- The publication of the outbox's inserts and of nothing else; run again, it is put back to that.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'experiments_publication') THEN
        CREATE PUBLICATION experiments_publication FOR TABLE public.outbox WITH (publish = 'insert');
    ELSE
        ALTER PUBLICATION experiments_publication SET TABLE public.outbox;
        ALTER PUBLICATION experiments_publication SET (publish = 'insert');
    END IF;
END
$$;
