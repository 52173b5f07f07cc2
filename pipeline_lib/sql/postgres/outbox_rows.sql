-- The outbox rows of these messages and users; `announced_apart` tells of one whose assignment or event was written, but
-- by another transaction than the outbox row.
SELECT
    o.id AS outbox_id,
    o.aggregate_id,
    o.aggregate_type,
    o.event_type,
    o.payload::text AS payload,
    o.created_at,
    CASE
        WHEN o.aggregate_type = 'event' THEN
            EXISTS (SELECT FROM events AS e WHERE e.id = o.aggregate_id AND e.xmin <> o.xmin)
        WHEN o.aggregate_type = 'assignment' AND o.aggregate_id ~ '^assignment-[0-9]{1,18}$' THEN
            EXISTS (
                SELECT
                FROM assignments AS a
                WHERE a.id = substr(o.aggregate_id, 12)::bigint AND a.xmin <> o.xmin
            )
        ELSE false
    END AS announced_apart
FROM outbox AS o
WHERE o.id >= %(first_id)s AND (o.aggregate_id = ANY (%(ids)s) OR o.payload ->> 'user_id' = ANY (%(users)s))
ORDER BY o.id
