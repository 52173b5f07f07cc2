-- What the conversions of an experiment were paid in.
SELECT DISTINCT currency
FROM events
WHERE experiment_id = {experiment_id:Int64} AND is_conversion
ORDER BY currency
