SELECT outbox_id, aggregate_id, aggregate_type, event_type, payload, lsn, committed_us, acknowledged_us, writer
FROM committed
WHERE outbox_id IN (:page)
ORDER BY outbox_id
