-- Each user of each experiment who was assigned, exposed or converted: the variant assigned, and what came of it. A
-- conversion belongs to the variant only from the assignment on; one of a negative value is a refund and counts for
-- revenue alone; currencies are kept apart. A user who was never assigned has no variant_key.
--
-- One pass over the table in its own order, without FINAL, which takes longer than all else while parts are unmerged:
-- nothing here counts a row twice that was delivered twice.
CREATE VIEW experiment_users AS
SELECT
    experiment_id,
    user_id,
    anyIf(variant_key, aggregate_type = 'assignment') AS variant_key,
    minIf(occurred_at, aggregate_type = 'assignment') AS assigned_at,
    max(is_exposure) AS is_exposed,
    arrayFilter(
        conversion -> conversion.2 >= assigned_at,
        arrayDistinct(groupArrayIf((outbox_id, occurred_at, currency, ifNull(value, 0)), is_conversion))
    ) AS attributed,
    arrayCount(conversion -> conversion.4 >= 0, attributed) AS conversions,
    conversions > 0 AS is_converted,
    arrayReduce('sumMap', arrayMap(conversion -> map(conversion.3, conversion.4), attributed)) AS revenue
FROM events
WHERE aggregate_type = 'assignment' OR is_exposure OR is_conversion
GROUP BY experiment_id, user_id
SETTINGS optimize_aggregation_in_order = 1
