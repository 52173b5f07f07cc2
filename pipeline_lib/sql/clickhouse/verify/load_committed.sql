SELECT outbox_id, aggregate_id, aggregate_type, event_type, payload, lsn, committed_us, acknowledged_us, writer
FROM committed
WHERE outbox_id IN
(
    SELECT outbox_id FROM suspects WHERE outbox_id > {after:Int64} AND outbox_id <= {upto:Int64}
    UNION ALL
    SELECT behind FROM reordered WHERE outbox_id > {after:Int64} AND outbox_id <= {upto:Int64}
)
ORDER BY outbox_id
