-- One click, straight into the outbox.
INSERT INTO outbox (aggregate_id, aggregate_type, event_type, payload)
VALUES (
    %(id)s,
    'event',
    'EVENT_CREATED',
    jsonb_build_object(
        'id', %(id)s::text,
        'experiment_id', 1,
        'user_id', 'bench',
        'session_id', 'bench',
        'event_type', 'click',
        'occurred_at', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'properties', '{"value": 1.0}'
    )
)
RETURNING id
