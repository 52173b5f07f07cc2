-- A new experiment with its variants.
WITH made AS (
    INSERT INTO experiments (name, status) VALUES (%(name)s, %(status)s)
    RETURNING id
)
INSERT INTO variants (experiment_id, key, weight)
SELECT made.id, v.key, v.weight
FROM made
CROSS JOIN unnest(%(keys)s::text [], %(weights)s::numeric []) AS v (key, weight)
RETURNING id, experiment_id, key, weight
