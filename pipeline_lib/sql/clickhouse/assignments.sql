-- Who was assigned to what, each once.
CREATE VIEW assignments AS
SELECT
    user_id,
    experiment_id,
    variant_id,
    variant_key,
    occurred_at AS assigned_at
FROM events FINAL
WHERE aggregate_type = 'assignment'
