-- What came of each variant of an experiment; the users without an assignment are under the empty key.
SELECT
    variant_key,
    count() AS users,
    countIf(is_exposed) AS exposed_users,
    countIf(is_converted) AS converted_users,
    sum(conversions) AS conversions,
    sumMap(revenue) AS revenue
FROM experiment_users
WHERE experiment_id = {experiment_id:Int64}
GROUP BY variant_key
ORDER BY variant_key
