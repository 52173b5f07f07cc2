-- A dead letter that does not tell of which row it is goes by its place in the topic, as in `topic`.
SELECT
    if(
        letter.outbox_id > 0,
        toInt64(letter.outbox_id),
        -bitShiftLeft(toInt64(kafka_partition), 48) - toInt64(kafka_offset) - 1000000000000
    ) AS id,
    id AS outbox_id, aggregate_id, kafka_topic, kafka_partition, kafka_offset, ingested_at, reason
FROM :"pipeline".dead_letters AS letter FINAL
WHERE ingested_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') AND id IN
(
    SELECT outbox_id FROM suspects WHERE outbox_id > {after:Int64} AND outbox_id <= {upto:Int64}
    UNION ALL
    SELECT behind FROM reordered WHERE outbox_id > {after:Int64} AND outbox_id <= {upto:Int64}
)
ORDER BY kafka_partition, kafka_offset
