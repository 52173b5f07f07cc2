SELECT outbox_id, aggregate_id, aggregate_type, event_type, payload, created_us, announced_apart
FROM outbox
WHERE outbox_id IN (:page)
ORDER BY outbox_id
