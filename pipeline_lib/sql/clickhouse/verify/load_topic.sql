SELECT outbox_id, partition, offset, produced_ms, hex(key) AS key, hex(value) AS value
FROM topic
WHERE NOT is_fence AND outbox_id IN
(
    SELECT outbox_id FROM suspects WHERE outbox_id > {after:Int64} AND outbox_id <= {upto:Int64}
    UNION ALL
    SELECT behind FROM reordered WHERE outbox_id > {after:Int64} AND outbox_id <= {upto:Int64}
)
ORDER BY place
