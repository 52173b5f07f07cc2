INSERT INTO events (id, experiment_id, user_id, session_id, event_type, properties, occurred_at)
SELECT new.id, %(experiment)s, new.user_id, new.session_id, new.event_type, new.properties::jsonb, new.occurred_at
FROM unnest(
    %(ids)b::text [], %(users)b::text [], %(sessions)b::text [], %(types)b::text [], %(properties)b::text [],
    %(times)b::timestamptz []
) AS new (id, user_id, session_id, event_type, properties, occurred_at)
