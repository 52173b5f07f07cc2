CREATE MATERIALIZED VIEW keep_dead_letters TO dead_letters AS
SELECT kafka_topic, kafka_partition, kafka_offset, kafka_key, reason, raw, outbox_id, aggregate_id, ingested_at
FROM parsed_messages
WHERE reason != ''
