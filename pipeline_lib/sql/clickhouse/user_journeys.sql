-- Each visitor's way through an experiment, in the order of the events' own times, ties by id. One pass over the table:
-- the assignment is a row of it like the events, so there is no join. The score is the latest conversion's.
CREATE VIEW user_journeys AS
SELECT
    user_id,
    experiment_id,
    anyIf(variant_key, aggregate_type = 'assignment') AS variant_key,
    arrayMap(
        step -> step.3,
        arraySort(groupArrayIf((occurred_at, aggregate_id, event_type), aggregate_type = 'event'))
    ) AS journey,
    countIf(aggregate_type = 'event') AS total_events,
    ifNull(sum(value), 0) AS total_value,
    ifNull(argMaxIf(score, (occurred_at, aggregate_id), is_conversion), 0) AS conversion_score,
    uniqExactIf(session_id, aggregate_type = 'event') AS sessions,
    minIf(occurred_at, aggregate_type = 'event') AS started_at,
    maxIf(occurred_at, aggregate_type = 'event') AS ended_at
FROM events FINAL
GROUP BY user_id, experiment_id
HAVING total_events > 0
