-- What the outbox has got since an id, but fences.
SELECT
    o.id AS outbox_id,
    o.aggregate_id,
    o.aggregate_type,
    o.event_type,
    o.payload::text AS payload,
    o.created_at
FROM outbox AS o
WHERE o.id >= %(first_id)s AND o.aggregate_type <> 'fence'
ORDER BY o.id
