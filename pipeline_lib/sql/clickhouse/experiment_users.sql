-- Each user of each experiment: the variant assigned, and what came of it. A conversion belongs to the variant only from
-- the assignment on; refunds are conversions of a negative value; currencies are kept apart. One pass over the table: the
-- assignment is a row of it like the events. A user who was never assigned has no variant_key.
CREATE VIEW experiment_users AS
SELECT
    experiment_id,
    user_id,
    anyIf(variant_key, aggregate_type = 'assignment') AS variant_key,
    minIf(occurred_at, aggregate_type = 'assignment') AS assigned_at,
    max(is_exposure) AS is_exposed,
    arrayFilter(
        conversion -> conversion.1 >= assigned_at,
        groupArrayIf((occurred_at, currency, ifNull(value, 0)), is_conversion)
    ) AS attributed,
    length(attributed) AS conversions,
    conversions > 0 AS is_converted,
    arrayReduce('sumMap', arrayMap(conversion -> map(conversion.2, conversion.3), attributed)) AS revenue
FROM events FINAL
GROUP BY experiment_id, user_id
