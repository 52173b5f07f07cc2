-- Outbox rows as PostgreSQL has them, with the transaction that wrote each.
SELECT id, aggregate_id, aggregate_type, event_type, payload::text AS payload, created_at, xmin::text::bigint AS transaction_id
FROM outbox
WHERE id = ANY (%(ids)s)
