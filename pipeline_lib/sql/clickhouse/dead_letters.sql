-- Every message that could not be read, as it was, with the reason; a redelivered one has the same sorting key.
CREATE TABLE dead_letters
(
    kafka_topic      LowCardinality(String),
    kafka_partition  UInt32,
    kafka_offset     UInt64,
    kafka_key        String,
    reason           String,
    raw              String,
    outbox_id        UInt64 COMMENT '0 where the message does not tell',
    aggregate_id     String COMMENT 'empty where the message does not tell',
    ingested_at      DateTime64(6, 'UTC'),
    INDEX aggregate_id_index aggregate_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (kafka_topic, kafka_partition, kafka_offset)
