-- What was seen and is not among the committed, within what is asked about: `all` since a time, the `users` of the
-- committed, or their `ids` alone.
INSERT INTO suspects
WITH strays AS (SELECT outbox_id FROM ways WHERE committed = 0)
SELECT DISTINCT outbox_id, true
FROM
(
    SELECT outbox_id, aggregate_id, user_id, created_us AS at_us
    FROM outbox
    WHERE outbox_id IN strays AND {scope:String} = 'users'
    UNION ALL
    SELECT
        outbox_id,
        aggregate_id,
        JSONExtractString(JSONExtractString(ifNull(value, ''), 'after', 'payload'), 'user_id'),
        produced_ms * 1000
    FROM topic
    WHERE outbox_id IN strays AND NOT is_fence
    UNION ALL
    SELECT toInt64(outbox_id) AS id, aggregate_id, user_id, toUnixTimestamp64Micro(ingested_at)
    FROM :"pipeline".events
    WHERE id IN strays AND ingested_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
    UNION ALL
    SELECT
        if(outbox_id > 0, toInt64(outbox_id), -bitShiftLeft(toInt64(kafka_partition), 48) - toInt64(kafka_offset) - 1000000000000) AS id,
        aggregate_id, '', toUnixTimestamp64Micro(ingested_at)
    FROM :"pipeline".dead_letters
    WHERE id IN strays AND ingested_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
)
WHERE multiIf(
    {scope:String} = 'all', at_us >= {asked_us:Int64},
    {scope:String} = 'ids', aggregate_id IN (SELECT aggregate_id FROM committed),
    aggregate_id IN (SELECT aggregate_id FROM committed) OR user_id IN (SELECT user_id FROM committed WHERE user_id != '')
)
SETTINGS final = 0
