CREATE MATERIALIZED VIEW keep_fences TO fences AS
SELECT
    fence_token AS token, outbox_id, lsn, kafka_topic, kafka_partition, kafka_offset, committed_at, ingested_at
FROM parsed_messages
WHERE reason = '' AND aggregate_type = 'fence'
