-- How long the users of each variant stayed on each page, of the views that tell; one that was delivered
-- twice is one.
SELECT variant_key, page, count() AS views, sum(seconds) AS seconds
FROM
(
    SELECT
        anyIf(variant_key, aggregate_type = 'assignment') AS variant_key,
        arrayDistinct(groupArrayIf((outbox_id, page, duration_seconds), duration_seconds IS NOT NULL)) AS stays
    FROM events
    WHERE experiment_id = {experiment_id:Int64}
    GROUP BY user_id
)
ARRAY JOIN stays.2 AS page, stays.3 AS seconds
WHERE variant_key != ''
GROUP BY variant_key, page
ORDER BY variant_key, page
SETTINGS optimize_aggregation_in_order = 1
