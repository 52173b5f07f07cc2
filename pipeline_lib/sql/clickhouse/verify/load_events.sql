SELECT
    toInt64(outbox_id) AS outbox_id, aggregate_id, kafka_topic, kafka_partition, kafka_offset, ingested_at,
    aggregate_type, outbox_event_type, payload, occurred_at, experiment_id, user_id, session_id, variant_id,
    variant_key, event_type, properties, page, duration_seconds, value, currency, score, is_exposure, is_click,
    is_conversion
FROM :"pipeline".events AS row
WHERE ingested_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') AND toInt64(row.outbox_id) IN
(
    SELECT outbox_id FROM suspects WHERE outbox_id > {after:Int64} AND outbox_id <= {upto:Int64}
    UNION ALL
    SELECT behind FROM reordered WHERE outbox_id > {after:Int64} AND outbox_id <= {upto:Int64}
)
ORDER BY kafka_partition, kafka_offset
SETTINGS final = :'final'
