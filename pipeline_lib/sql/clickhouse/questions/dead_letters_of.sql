-- The dead letters of these messages that have come since.
SELECT outbox_id, aggregate_id, kafka_topic, kafka_partition, kafka_offset, ingested_at, reason
FROM dead_letters FINAL
WHERE aggregate_id IN {ids:Array(String)} AND ingested_at >= toDateTime64({opened_at:String}, 6, 'UTC')
ORDER BY kafka_partition, kafka_offset
