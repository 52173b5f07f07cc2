SELECT count() AS rows, toUnixTimestamp64Micro(now64(6)) AS now_us, minIf(created_us, outbox_id > 0) AS oldest_us
FROM outbox
WHERE NOT {only_asked:Bool} OR aggregate_id IN (SELECT aggregate_id FROM asked)
