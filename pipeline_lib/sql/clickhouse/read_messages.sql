-- Takes each message apart: the Debezium envelope, the outbox row in it, the payload in that, the properties in that.
--
-- ClickHouse's JSON functions read fractions as doubles. So numbers are taken from the text: it is cut into tokens
-- (strings, brackets, colons, commas, the rest), and a number is what follows its name and a colon at depth 1.
CREATE MATERIALIZED VIEW read_messages TO messages AS
WITH
    if(_error = '', raw, _raw_message) AS text,
    JSONExtractString(text, 'after', 'payload') AS payload,
    JSONExtractString(payload, 'properties') AS properties,
    extractAll(properties, '"(?:[^"\\\\]|\\\\.)*"|[{}\\[\\]:,]|[^\\s{}\\[\\]:,"]+') AS tokens_of_properties
SELECT
    text AS message,
    multiIf(
        _error != '', _error,
        NOT isValidJSON(text), 'the message is not JSON',
        JSONType(text, 'after') != 'Object', 'the envelope has no row after the change',
        JSONType(payload) != 'Object', 'the payload is not a JSON object',
        JSONType(payload, 'properties') NOT IN ('Null', 'String'), 'properties is not a nested JSON string',
        properties != '' AND JSONType(properties) != 'Object', 'properties is not a JSON object',
        ''
    ) AS fault,
    JSONExtract(
        text,
        'Tuple(after Tuple(id UInt64, aggregate_type String, aggregate_id String, event_type String, payload String, created_at String), source Tuple(lsn UInt64, txId UInt64, ts_us Int64), ts_us Int64)'
    ) AS envelope,
    JSONExtract(
        payload,
        'Tuple(experiment_id String, user_id String, session_id String, variant_id String, variant_key String, event_type String, occurred_at String, assigned_at String, properties String, token String)'
    ) AS body,
    JSONExtract(properties, 'Tuple(page String, currency String)') AS details,
    -- The outer arrayMap, over arrays of one, gives the tokens and their depths a name without writing them out twice.
    arrayMap(
        (tokens, depths) -> arrayMap(
            name -> arrayFirst(
                (value, colon, token, depth) -> depth = 1 AND token = name AND colon = ':',
                arrayShiftLeft(tokens, 2), arrayShiftLeft(tokens, 1), tokens, depths
            ),
            ['"value"', '"score"', '"duration_seconds"']
        ),
        [tokens_of_properties],
        [arrayCumSum(token -> multiIf(token IN ('{', '['), 1, token IN ('}', ']'), -1, 0), tokens_of_properties)]
    )[1] AS numbers,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS produced_at,
    _topic AS kafka_topic,
    _partition AS kafka_partition,
    _offset AS kafka_offset,
    _key AS kafka_key
FROM events_queue
-- Debezium's heartbeats may share the consumer, to keep it from idling: they carry no row.
WHERE NOT startsWith(_topic, '__debezium-heartbeat.')
