-- Takes each message apart: the Debezium envelope, the outbox row in it, the payload in that, the properties in that.
--
-- ClickHouse's JSON functions read fractions as doubles. So numbers are taken from the text: it is cut into tokens
-- (strings, brackets, colons, commas, the rest), and a number is what follows its name and a colon at depth 1.
CREATE MATERIALIZED VIEW read_messages TO messages AS
WITH
    if(_error = '', raw, _raw_message) AS text,
    JSONExtractString(text, 'after', 'payload') AS payload,
    JSONExtractString(payload, 'properties') AS properties,
    extractAll(properties, '"(?:[^"\\\\]|\\\\.)*"|[{}\\[\\]:,]|[^\\s{}\\[\\]:,"]+') AS tokens_of_properties,
    JSONExtract(
        text, 'after',
        'Tuple(id UInt64, aggregate_type String, aggregate_id String, event_type String, created_at String)'
    ) AS outbox_row,
    JSONExtract(text, 'source', 'Tuple(lsn UInt64, txId UInt64, ts_us Int64)') AS source,
    JSONExtract(
        payload,
        'Tuple(experiment_id String, user_id String, session_id String, variant_id String, variant_key String, event_type String, occurred_at String, assigned_at String, token String)'
    ) AS body
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
    tupleElement(outbox_row, 'id') AS outbox_id,
    tupleElement(outbox_row, 'aggregate_type') AS aggregate_type,
    tupleElement(outbox_row, 'aggregate_id') AS aggregate_id,
    tupleElement(outbox_row, 'event_type') AS outbox_event_type,
    payload,
    tupleElement(outbox_row, 'created_at') AS recorded_text,
    tupleElement(source, 'lsn') AS lsn,
    tupleElement(source, 'txId') AS transaction_id,
    tupleElement(source, 'ts_us') AS committed_us,
    JSONExtractInt(text, 'ts_us') AS captured_us,
    tupleElement(body, 'experiment_id') AS experiment_text,
    tupleElement(body, 'user_id') AS user_id,
    tupleElement(body, 'session_id') AS session_id,
    tupleElement(body, 'variant_id') AS variant_text,
    tupleElement(body, 'variant_key') AS variant_key,
    tupleElement(body, 'event_type') AS event_type,
    tupleElement(body, 'occurred_at') AS occurred_text,
    tupleElement(body, 'assigned_at') AS assigned_text,
    properties,
    tupleElement(body, 'token') AS fence_token,
    JSONExtractString(properties, 'page') AS page,
    JSONExtractString(properties, 'currency') AS currency,
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
