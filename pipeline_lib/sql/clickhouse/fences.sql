-- Markers that the harness wrote through the outbox to know that everything before them has had its chance here.
-- They are kept out of the analysts' tables, and for a week.
CREATE TABLE fences
(
    token            String,
    outbox_id        UInt64,
    lsn              UInt64,
    kafka_topic      LowCardinality(String),
    kafka_partition  UInt32,
    kafka_offset     UInt64,
    committed_at     DateTime64(6, 'UTC'),
    ingested_at      DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (token, kafka_partition, outbox_id)
TTL toDateTime(ingested_at) + INTERVAL 7 DAY
