-- Every assignment and event that was published, one row each once merged: a redelivered message has the same sorting
-- key, and as that holds the event's own time, the same partition. Read it with FINAL, or through the views.
CREATE TABLE events
(
    -- the outbox row and the aggregate it tells of
    outbox_id          UInt64,
    aggregate_type     LowCardinality(String),
    aggregate_id       String,
    outbox_event_type  LowCardinality(String),
    recorded_at        DateTime64(6, 'UTC') COMMENT 'when the outbox row was written',
    payload            String COMMENT 'as published',
    -- what happened; Nullable where absent means something else than zero
    occurred_at        DateTime64(6, 'UTC') COMMENT 'the own time of the event or assignment',
    experiment_id      Int64,
    user_id            String,
    session_id         String,
    variant_id         Nullable(Int64),
    variant_key        LowCardinality(String),
    event_type         LowCardinality(String),
    properties         String COMMENT 'the JSON nested in the payload, as published',
    page               String,
    duration_seconds   Nullable(Decimal(38, 9)),
    value              Nullable(Decimal(38, 9)),
    currency           LowCardinality(String),
    score              Nullable(Decimal(38, 9)),
    is_exposure        Bool MATERIALIZED event_type = 'exposure',
    is_click           Bool MATERIALIZED event_type = 'click',
    is_conversion      Bool MATERIALIZED event_type = 'conversion',
    -- how it came here
    lsn                UInt64,
    transaction_id     UInt64,
    kafka_topic        LowCardinality(String),
    kafka_partition    UInt32,
    kafka_offset       UInt64,
    committed_at       DateTime64(6, 'UTC') COMMENT 'commit in PostgreSQL',
    captured_at        DateTime64(6, 'UTC') COMMENT 'read from the WAL by Debezium',
    produced_at        DateTime64(3, 'UTC') COMMENT 'the Kafka record''s own timestamp',
    ingested_at        DateTime64(6, 'UTC') COMMENT 'parsed by ClickHouse',
    INDEX aggregate_id_index aggregate_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(kafka_offset)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (experiment_id, user_id, occurred_at, aggregate_id, outbox_id)
