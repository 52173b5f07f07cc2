INSERT INTO assignments (experiment_id, user_id, variant_id)
SELECT %(experiment)s, new.user_id, new.variant_id
FROM unnest(%(users)b::text [], %(variants)b::bigint []) AS new (user_id, variant_id)
RETURNING user_id, id, assigned_at
