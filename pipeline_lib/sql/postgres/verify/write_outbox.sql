-- The ids come in the order of the rows. The WAL ends behind them now, and before their commit.
INSERT INTO outbox (aggregate_id, aggregate_type, event_type, payload)
SELECT new.aggregate_id, new.aggregate_type, new.event_type, new.payload::jsonb
FROM unnest(
    %(ids)b::text [], %(aggregate_types)b::text [], %(types)b::text [], %(payloads)b::text []
) WITH ORDINALITY AS new (aggregate_id, aggregate_type, event_type, payload, number)
ORDER BY new.number
RETURNING id, pg_current_wal_insert_lsn()::text AS lsn
