-- The ways that users of an experiment take most often, by variant.
SELECT variant_key, journey, count() AS users, sum(sessions) AS sessions
FROM user_journeys
WHERE experiment_id = {experiment_id:Int64} AND variant_key != ''
GROUP BY variant_key, journey
ORDER BY users DESC, variant_key, journey
LIMIT {most:UInt64}
