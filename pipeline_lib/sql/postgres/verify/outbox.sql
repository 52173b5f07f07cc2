-- The outbox rows of a verification, with what ClickHouse must make of each, as plain texts: PostgreSQL takes the JSON
-- apart, so that ClickHouse's own way of doing that can be held against it. Fences are not rows to verify.
--
-- What is a string in the payload comes as JSON, with its quotes, so that a number is not taken for one. `details` says
-- whether the nested properties could be read.
SELECT
    o.id,
    o.aggregate_id,
    o.aggregate_type,
    o.event_type,
    o.payload::text,
    (extract(epoch FROM o.created_at) * 1000000)::bigint,
    CASE o.aggregate_type
        WHEN 'event' THEN e.xmin IS DISTINCT FROM NULL AND e.xmin <> o.xmin
        WHEN 'assignment' THEN a.xmin IS DISTINCT FROM NULL AND a.xmin <> o.xmin
        ELSE false
    END,
    CASE o.aggregate_type WHEN 'assignment' THEN p.assigned_at ELSE p.occurred_at END,
    p.experiment_id,
    p.user_id,
    p.session_id,
    p.variant_id,
    p.variant_key,
    p.event_type,
    p.properties #>> '{}',
    d.page,
    d.duration_seconds,
    d.value,
    d.currency,
    d.score
FROM outbox AS o
CROSS JOIN LATERAL jsonb_to_record(o.payload) AS p (
    occurred_at jsonb, assigned_at jsonb, experiment_id jsonb, user_id jsonb, session_id jsonb, variant_id jsonb,
    variant_key jsonb, event_type jsonb, properties jsonb
)
CROSS JOIN LATERAL jsonb_to_record(
    CASE
        WHEN NOT pg_input_is_valid(p.properties #>> '{}', 'jsonb') THEN '{"page": 0}'
        WHEN jsonb_typeof((p.properties #>> '{}')::jsonb) = 'object' THEN (p.properties #>> '{}')::jsonb
        ELSE '{}'
    END
) AS d (page jsonb, duration_seconds jsonb, value jsonb, currency jsonb, score jsonb)
LEFT JOIN events AS e ON o.aggregate_type = 'event' AND e.id = o.aggregate_id
LEFT JOIN assignments AS a
    ON o.aggregate_type = 'assignment' AND o.aggregate_id = 'assignment-' || a.id
WHERE o.aggregate_type <> 'fence' AND :scope
