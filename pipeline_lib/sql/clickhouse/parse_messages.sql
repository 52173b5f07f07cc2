-- Reads each message once: the Debezium envelope, the outbox row in it, the payload in that, the properties in that.
--
-- Nothing is guessed and nothing silently becomes zero: whatever is missing, of another type or not exactly
-- representable is told in `reason`, and the message goes to the dead letters.
--
-- Numbers: ClickHouse's JSON functions read fractions as doubles, so `value`, `score` and `duration_seconds` are taken
-- from the text of `properties`: it is cut into tokens, and a number is the token after its key at depth 1.
-- A number is exact if it reads the same as Decimal(38, 9) and as Decimal(76, 40), which holds all that `number` lets by.
CREATE MATERIALIZED VIEW parse_messages TO parsed_messages AS
WITH
    '^-?[0-9]{1,29}([.][0-9]{1,20})?([eE][+-]?1?[0-9])?$' AS number,
    '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$' AS instant,
    if(_error = '', events_queue.raw, _raw_message) AS message,
    JSONExtractRaw(message, 'after') AS after,
    JSONExtractRaw(message, 'source') AS source,
    JSONExtractString(after, 'aggregate_type') AS type,
    JSONExtractString(after, 'payload') AS body,
    type = 'event' AS is_event,
    type = 'assignment' AS is_assignment,
    if(is_assignment, 'assigned_at', 'occurred_at') AS time_field,
    JSONExtractString(body, time_field) AS time_text,
    parseDateTime64BestEffortOrNull(time_text, 6, 'UTC') AS time,
    parseDateTime64BestEffortOrNull(JSONExtractString(after, 'created_at'), 6, 'UTC') AS created,
    if(JSONType(body, 'properties') = 'Null', '{}', JSONExtractString(body, 'properties')) AS details,
    extractAll(details, '"(?:[^"\\\\]|\\\\.)*"|[{}\\[\\]:,]|[^\\s{}\\[\\]:,"]+') AS tokens,
    arrayCumSum(token -> multiIf(token IN ('{', '['), 1, token IN ('}', ']'), -1, 0), tokens) AS depths,
    arrayMap(
        (token, depth, place) -> if(depth = 1 AND tokens[place + 1] = ':', token, ''),
        tokens, depths, arrayEnumerate(tokens)
    ) AS keys,
    arrayMap(
        key -> if(has(keys, key), trim(BOTH '"' FROM tokens[indexOf(keys, key) + 2]), 'null'),
        ['"value"', '"score"', '"duration_seconds"']
    ) AS numbers,
    arrayMap(
        text -> text = 'null'
            OR (match(text, number) AND ifNull(toDecimal128OrNull(text, 9) = toDecimal256OrNull(text, 40), false)),
        numbers
    ) AS exact,
    -- The first thing wrong with the envelope, for the rest follows from it; then all that is wrong with the payload.
    multiIf(
        _error != '', _error,
        NOT isValidJSON(message), 'the message is not JSON',
        JSONType(message, 'after') != 'Object', 'the envelope has no row after the change',
        JSONType(after, 'id') NOT IN ('Int64', 'UInt64'), 'the outbox row has no id',
        JSONExtractString(after, 'aggregate_id') = '', 'the outbox row has no aggregate_id',
        type NOT IN ('assignment', 'event', 'fence'), concat('unknown aggregate_type ', JSONExtractRaw(after, 'aggregate_type')),
        created IS NULL, concat('cannot read created_at ', JSONExtractRaw(after, 'created_at'), ' as a time'),
        NOT isValidJSON(body) OR JSONType(body) != 'Object', 'the payload is not a JSON object',
        ''
    ) AS envelope_fault,
    arrayFilter(fault -> fault != '', if(envelope_fault = '' AND (is_event OR is_assignment), [
        if(JSONType(body, 'experiment_id') IN ('Int64', 'UInt64'), '', concat('cannot read experiment_id ', JSONExtractRaw(body, 'experiment_id'), ' as Int64')),
        if(JSONExtractString(body, 'user_id') != '', '', 'the payload has no user_id'),
        if(is_assignment AND JSONType(body, 'variant_id') NOT IN ('Int64', 'UInt64'), concat('cannot read variant_id ', JSONExtractRaw(body, 'variant_id'), ' as Int64'), ''),
        if(is_event AND JSONExtractString(body, 'event_type') = '', 'the payload has no event_type', ''),
        if(match(time_text, instant) AND time IS NOT NULL, '', concat('cannot read ', time_field, ' ', JSONExtractRaw(body, time_field), ' as a time in microseconds')),
        if(JSONType(body, 'properties') IN ('Null', 'String'), '', 'properties is not a nested JSON string'),
        if(isValidJSON(details) AND JSONType(details) = 'Object', '', 'properties is not a JSON object'),
        if(JSONType(details, 'page') IN ('Null', 'String'), '', concat('cannot read page ', JSONExtractRaw(details, 'page'), ' as text')),
        if(JSONType(details, 'currency') IN ('Null', 'String'), '', concat('cannot read currency ', JSONExtractRaw(details, 'currency'), ' as text')),
        if(exact[1], '', concat('cannot read value \'', numbers[1], '\' as Decimal(38, 9)')),
        if(exact[2], '', concat('cannot read score \'', numbers[2], '\' as Decimal(38, 9)')),
        if(exact[3], '', concat('cannot read duration_seconds \'', numbers[3], '\' as Decimal(38, 9)'))
    ], [])) AS payload_faults
SELECT
    if(envelope_fault != '', envelope_fault, arrayStringConcat(payload_faults, '; ')) AS reason,
    message AS raw,
    JSONExtractUInt(after, 'id') AS outbox_id,
    type AS aggregate_type,
    JSONExtractString(after, 'aggregate_id') AS aggregate_id,
    JSONExtractString(after, 'event_type') AS outbox_event_type,
    ifNull(created, toDateTime64(0, 6, 'UTC')) AS recorded_at,
    body AS payload,
    ifNull(time, recorded_at) AS occurred_at,
    JSONExtractInt(body, 'experiment_id') AS experiment_id,
    JSONExtractString(body, 'user_id') AS user_id,
    JSONExtractString(body, 'session_id') AS session_id,
    if(is_assignment, JSONExtractInt(body, 'variant_id'), NULL) AS variant_id,
    JSONExtractString(body, 'variant_key') AS variant_key,
    if(is_event, JSONExtractString(body, 'event_type'), '') AS event_type,
    details AS properties,
    JSONExtractString(details, 'page') AS page,
    toDecimal128OrNull(numbers[3], 9) AS duration_seconds,
    toDecimal128OrNull(numbers[1], 9) AS value,
    JSONExtractString(details, 'currency') AS currency,
    toDecimal128OrNull(numbers[2], 9) AS score,
    JSONExtractString(body, 'token') AS fence_token,
    JSONExtractUInt(source, 'lsn') AS lsn,
    JSONExtractUInt(source, 'txId') AS transaction_id,
    _topic AS kafka_topic,
    _partition AS kafka_partition,
    _offset AS kafka_offset,
    _key AS kafka_key,
    fromUnixTimestamp64Micro(JSONExtractInt(source, 'ts_us'), 'UTC') AS committed_at,
    fromUnixTimestamp64Micro(JSONExtractInt(message, 'ts_us'), 'UTC') AS captured_at,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS produced_at,
    now64(6, 'UTC') AS ingested_at
FROM events_queue
-- Debezium's heartbeats may share the consumer, to keep it from idling: they carry no row.
WHERE NOT startsWith(_topic, '__debezium-heartbeat.')
