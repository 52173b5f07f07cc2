-- The rows of these messages and users that have come since, and beside each how many of the messages are dead letters:
-- a question of its own for those would take as long again.
SELECT
    outbox_id, aggregate_id, kafka_topic, kafka_partition, kafka_offset, ingested_at,
    aggregate_type, outbox_event_type, payload, occurred_at, experiment_id, user_id, session_id, variant_id,
    variant_key, event_type, properties, page, duration_seconds, value, currency, score, is_exposure, is_click,
    is_conversion,
    (
        SELECT count()
        FROM dead_letters
        WHERE aggregate_id IN {ids:Array(String)} AND ingested_at >= toDateTime64({opened_at:String}, 6, 'UTC')
    ) AS refused
FROM events
WHERE
    (aggregate_id IN {ids:Array(String)} OR user_id IN {users:Array(String)})
    AND ingested_at >= toDateTime64({opened_at:String}, 6, 'UTC')
ORDER BY kafka_partition, kafka_offset
-- The setting, unlike the word FINAL, is no error on a table that cannot collapse anything.
SETTINGS final = :'final', max_threads = 1  -- few rows: more threads would only wait for each other
