SELECT outbox_id, partition, offset, produced_ms, hex(key) AS key, hex(value) AS value
FROM topic
WHERE NOT is_fence AND outbox_id IN (:page)
ORDER BY place
