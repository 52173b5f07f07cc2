-- An experiment by its id or its name, with its variants and their weights.
SELECT e.id, e.name, e.status, v.id AS variant_id, v.key AS variant, v.weight
FROM experiments AS e
LEFT JOIN variants AS v ON v.experiment_id = e.id
WHERE e.name = %(wanted)s OR e.id::text = %(wanted)s
ORDER BY (e.name = %(wanted)s) DESC, e.id, v.key
