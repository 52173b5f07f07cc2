-- The reference experiment: 'checkout' with its two variants, under the ids that the reference journey names.
SET ROLE experiments_owner;

INSERT INTO public.experiments (id, name, status) VALUES (1, 'checkout', 'running')
ON CONFLICT (id) DO UPDATE SET name = excluded.name, status = excluded.status;

INSERT INTO public.variants (id, experiment_id, key, weight) VALUES (1, 1, 'treatment', 1), (2, 1, 'control', 1)
ON CONFLICT (id) DO UPDATE SET experiment_id = excluded.experiment_id, key = excluded.key, weight = excluded.weight;

-- Ids given by hand do not move the sequences: the next row would take the same ones.
SELECT setval(pg_get_serial_sequence('public.experiments', 'id'), (SELECT max(id) FROM public.experiments));
SELECT setval(pg_get_serial_sequence('public.variants', 'id'), (SELECT max(id) FROM public.variants));

RESET ROLE;
