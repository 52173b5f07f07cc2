-- What was committed, as far as it is asked about: known because the harness wrote it, or read from the outbox.
CREATE TABLE committed
(
    outbox_id        Int64 COMMENT 'below 0 for an id that the outbox does not have',
    aggregate_id     String,
    aggregate_type   LowCardinality(String),
    event_type       LowCardinality(String),
    payload          String COMMENT 'as PostgreSQL writes a jsonb',
    lsn              UInt64,
    committed_us     Int64,
    acknowledged_us  Int64,
    writer           LowCardinality(String) COMMENT 'empty if it is not known',
    row              UInt64 MATERIALIZED sipHash64(aggregate_id, aggregate_type, event_type, payload),
    user_id          String MATERIALIZED JSONExtractString(payload, 'user_id')
)
ENGINE = MergeTree
ORDER BY outbox_id
