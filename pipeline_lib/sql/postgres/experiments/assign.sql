-- A user's variant of an experiment, unless the experiment is not running.
INSERT INTO assignments (experiment_id, user_id, variant_id)
SELECT id, %(user)s, %(variant)s
FROM experiments
WHERE id = %(experiment)s AND status = 'running'
RETURNING id, assigned_at
