-- Gives each message its types, or the reason why it cannot have them.
--
-- Nothing is guessed and nothing silently becomes zero: what is missing, of another type or not exactly representable
-- is told in `reason`, and the message goes to the dead letters. A number may be written as JSON number or string; with
-- more than 9 digits after the point, or with an exponent, it is refused.
CREATE MATERIALIZED VIEW judge_messages TO parsed_messages AS
WITH
    aggregate_type = 'assignment' AS is_assignment,
    if(is_assignment, assigned_text, occurred_text) AS time_text,
    parseDateTime64BestEffortOrNull(time_text, 6, 'UTC') AS time,
    parseDateTime64BestEffortOrNull(recorded_text, 6, 'UTC') AS created
SELECT
    multiIf(
        fault != '', fault,
        outbox_id = 0, 'the outbox row has no id',
        aggregate_id = '', 'the outbox row has no aggregate_id',
        created IS NULL, concat('cannot read created_at \'', recorded_text, '\' as a time'),
        aggregate_type = 'fence', '',
        aggregate_type NOT IN ('assignment', 'event'),
            concat('unknown aggregate_type \'', aggregate_type, '\''),
        toInt64OrNull(experiment_text) IS NULL,
            concat('cannot read experiment_id \'', experiment_text, '\' as Int64'),
        user_id = '', 'the payload has no user_id',
        is_assignment AND toInt64OrNull(variant_text) IS NULL,
            concat('cannot read variant_id \'', variant_text, '\' as Int64'),
        NOT is_assignment AND event_type = '', 'the payload has no event_type',
        time IS NULL OR NOT match(
            time_text,
            '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$'
        ),
            concat('cannot read \'', time_text, '\' as a time with a zone, to the microsecond'),
        arrayFirst(
            trouble -> trouble != '',
            arrayMap(
                (name, number) -> if(
                    match(number, '^(|null|-?[0-9]{1,29}([.][0-9]{1,9}0*)?|"-?[0-9]{1,29}([.][0-9]{1,9}0*)?")$'),
                    '',
                    concat('cannot read ', name, ' ', replaceAll(number, '"', '\''), ' as Decimal(38, 9)')
                ),
                ['value', 'score', 'duration_seconds'], numbers
            )
        )
    ) AS reason,
    message AS raw,
    outbox_id,
    aggregate_type,
    aggregate_id,
    outbox_event_type,
    ifNull(created, toDateTime64(0, 6, 'UTC')) AS recorded_at,
    payload,
    ifNull(time, recorded_at) AS occurred_at,
    toInt64OrZero(experiment_text) AS experiment_id,
    user_id,
    session_id,
    if(is_assignment, toInt64OrNull(variant_text), NULL) AS variant_id,
    variant_key,
    event_type,
    properties,
    page,
    toDecimal128OrNull(trim(BOTH '"' FROM numbers[3]), 9) AS duration_seconds,
    toDecimal128OrNull(trim(BOTH '"' FROM numbers[1]), 9) AS value,
    currency,
    toDecimal128OrNull(trim(BOTH '"' FROM numbers[2]), 9) AS score,
    fence_token,
    lsn,
    transaction_id,
    kafka_topic,
    kafka_partition,
    kafka_offset,
    kafka_key,
    fromUnixTimestamp64Micro(committed_us, 'UTC') AS committed_at,
    fromUnixTimestamp64Micro(captured_us, 'UTC') AS captured_at,
    produced_at,
    now64(6, 'UTC') AS ingested_at
FROM messages
