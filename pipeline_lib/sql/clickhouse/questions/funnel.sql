-- How many users of each variant took at least so many of the steps, in their order and within the window from the first;
-- steps at the same moment count in the steps' order. It knows eight steps; those that are not asked for never happen.
-- A step that was delivered twice gets nobody further, so there is no FINAL.
WITH {steps:Array(String)} AS steps
SELECT variant_key, arrayMap(step -> arrayCount(one -> one >= step, groupArray(reached)), arrayEnumerate(steps)) AS users
FROM
(
    SELECT
        anyIf(variant_key, aggregate_type = 'assignment') AS variant_key,
        windowFunnel({window_us:UInt64})(
            toUInt64(toUnixTimestamp64Micro(occurred_at)),
            event_type = steps[1] AND length(steps) >= 1,
            event_type = steps[2] AND length(steps) >= 2,
            event_type = steps[3] AND length(steps) >= 3,
            event_type = steps[4] AND length(steps) >= 4,
            event_type = steps[5] AND length(steps) >= 5,
            event_type = steps[6] AND length(steps) >= 6,
            event_type = steps[7] AND length(steps) >= 7,
            event_type = steps[8] AND length(steps) >= 8
        ) AS reached
    FROM events
    WHERE experiment_id = {experiment_id:Int64}
    GROUP BY user_id
)
WHERE variant_key != ''
GROUP BY variant_key
ORDER BY variant_key
SETTINGS optimize_aggregation_in_order = 1
