-- The ids, as messages name them, of a user's assignments and events whose outbox row was inserted by the same transaction.
SELECT 'assignment-' || a.id AS id
FROM assignments AS a
JOIN outbox AS o ON o.aggregate_type = 'assignment' AND o.aggregate_id = 'assignment-' || a.id AND o.xmin = a.xmin
WHERE a.user_id = %(user)s
UNION ALL
SELECT e.id
FROM events AS e
JOIN outbox AS o ON o.aggregate_type = 'event' AND o.aggregate_id = e.id AND o.xmin = e.xmin
WHERE e.user_id = %(user)s
