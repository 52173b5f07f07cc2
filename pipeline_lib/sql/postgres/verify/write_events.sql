INSERT INTO events (id, experiment_id, user_id, session_id, event_type, properties, occurred_at)
SELECT new.id, %(experiment)s, new.user_id, new.session_id, new.event_type, new.properties::jsonb, new.occurred_at
FROM unnest(
    %(ids)s::text [], %(users)s::text [], %(sessions)s::text [], %(types)s::text [], %(properties)s::text [],
    %(times)s::timestamptz []
) AS new (id, user_id, session_id, event_type, properties, occurred_at)
