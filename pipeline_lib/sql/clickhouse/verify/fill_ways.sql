INSERT INTO ways
SELECT
    outbox_id,
    countIf(place = 'committed') AS committed,
    countIf(place = 'outbox') AS in_outbox,
    countIf(place = 'topic') AS in_topic,
    countIf(place = 'events') AS stored,
    countIf(place = 'refused') AS refused,
    min(plain)
        AND min(row) = max(row)
        AND minIf(typed, place IN ('outbox', 'events')) = maxIf(typed, place IN ('outbox', 'events'))
        AND abs(maxIf(began_us, place = 'committed') - maxIf(began_us, place = 'outbox')) <= {tolerance_us:Int64} AS agreed,
    if(maxIf(known, place = 'committed'), maxIf(began_us, place = 'committed'), minIf(began_us, place = 'topic')),
    maxIf(ended_us, place = 'committed'),
    minIf(ended_us, place = 'topic'),
    minIf(produced, place = 'topic'),
    minIf(began_us, place = 'events')
FROM
(
    SELECT
        outbox_id, 'committed' AS place, row, 0 AS typed, true AS plain, writer != '' AS known,
        committed_us AS began_us, acknowledged_us AS ended_us, 0 AS produced
    FROM committed
    UNION ALL
    SELECT
        outbox_id, 'outbox', row, typed,
        plain AND NOT announced_apart AND ifNull(told_us <= created_us + {tolerance_us:Int64}, false), false,
        created_us, 0, 0
    FROM outbox
    UNION ALL
    SELECT outbox_id, 'topic', row, 0, plain, false, committed_us, captured_us, produced_ms * 1000
    FROM topic
    WHERE NOT is_fence
    UNION ALL
    SELECT
        toInt64(outbox_id),
        'events',
        sipHash64(aggregate_id, aggregate_type, outbox_event_type, payload),
        sipHash64(
            toUnixTimestamp64Micro(occurred_at), experiment_id, user_id, session_id,
            ifNull(toString(variant_id), ''), variant_key, event_type, properties, page,
            ifNull(toString(duration_seconds), ''), ifNull(toString(value), ''), currency,
            ifNull(toString(score), ''), is_exposure, is_click, is_conversion
        ),
        true, false, toUnixTimestamp64Micro(ingested_at), 0, 0
    FROM :"pipeline".events
    WHERE ingested_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
    UNION ALL
    SELECT
        if(outbox_id > 0, toInt64(outbox_id), -bitShiftLeft(toInt64(kafka_partition), 48) - toInt64(kafka_offset) - 1000000000000),
        'refused', 0, 0, false, false, 0, 0, 0
    FROM :"pipeline".dead_letters
    WHERE ingested_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
)
GROUP BY outbox_id
SETTINGS final = 0
