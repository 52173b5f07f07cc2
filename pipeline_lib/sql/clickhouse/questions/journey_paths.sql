-- The ways that users of an experiment take most often, by variant: each user's as `user_journeys` has it. That view reads
-- with FINAL and all that it tells, which takes more memory than there is where users are millions.
SELECT variant_key, journey, count() AS users
FROM
(
    SELECT
        anyIf(variant_key, aggregate_type = 'assignment') AS variant_key,
        arrayMap(
            step -> step.4,
            arraySort(arrayDistinct(
                groupArrayIf((occurred_at, aggregate_id, outbox_id, event_type), aggregate_type = 'event')
            ))
        ) AS journey
    FROM events
    WHERE experiment_id = {experiment_id:Int64}
    GROUP BY user_id
)
WHERE variant_key != '' AND notEmpty(journey)
GROUP BY variant_key, journey
ORDER BY users DESC, variant_key, journey
LIMIT {most:UInt64}
SETTINGS optimize_aggregation_in_order = 1
