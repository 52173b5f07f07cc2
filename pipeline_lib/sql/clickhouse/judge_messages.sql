-- Gives each message its types, or the reason why it cannot have them.
--
-- Nothing is guessed and nothing silently becomes zero: what is missing, of another type or not exactly representable
-- is told in `reason`, and the message goes to the dead letters. A number may be written as JSON number or string; with
-- more than 9 digits after the point, or with an exponent, it is refused.
CREATE MATERIALIZED VIEW judge_messages TO parsed_messages AS
WITH
    envelope.after.aggregate_type = 'assignment' AS is_assignment,
    if(is_assignment, body.assigned_at, body.occurred_at) AS time_text,
    parseDateTime64BestEffortOrNull(time_text, 6, 'UTC') AS time,
    parseDateTime64BestEffortOrNull(envelope.after.created_at, 6, 'UTC') AS created
SELECT
    multiIf(
        fault != '', fault,
        envelope.after.id = 0, 'the outbox row has no id',
        envelope.after.aggregate_id = '', 'the outbox row has no aggregate_id',
        created IS NULL, concat('cannot read created_at \'', envelope.after.created_at, '\' as a time'),
        envelope.after.aggregate_type = 'fence', '',
        envelope.after.aggregate_type NOT IN ('assignment', 'event'),
            concat('unknown aggregate_type \'', envelope.after.aggregate_type, '\''),
        toInt64OrNull(body.experiment_id) IS NULL,
            concat('cannot read experiment_id \'', body.experiment_id, '\' as Int64'),
        body.user_id = '', 'the payload has no user_id',
        is_assignment AND toInt64OrNull(body.variant_id) IS NULL,
            concat('cannot read variant_id \'', body.variant_id, '\' as Int64'),
        NOT is_assignment AND body.event_type = '', 'the payload has no event_type',
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
    envelope.after.id AS outbox_id,
    envelope.after.aggregate_type AS aggregate_type,
    envelope.after.aggregate_id AS aggregate_id,
    envelope.after.event_type AS outbox_event_type,
    ifNull(created, toDateTime64(0, 6, 'UTC')) AS recorded_at,
    envelope.after.payload AS payload,
    ifNull(time, recorded_at) AS occurred_at,
    toInt64OrZero(body.experiment_id) AS experiment_id,
    body.user_id AS user_id,
    body.session_id AS session_id,
    if(is_assignment, toInt64OrNull(body.variant_id), NULL) AS variant_id,
    body.variant_key AS variant_key,
    body.event_type AS event_type,
    body.properties AS properties,
    details.page AS page,
    toDecimal128OrNull(trim(BOTH '"' FROM numbers[3]), 9) AS duration_seconds,
    toDecimal128OrNull(trim(BOTH '"' FROM numbers[1]), 9) AS value,
    details.currency AS currency,
    toDecimal128OrNull(trim(BOTH '"' FROM numbers[2]), 9) AS score,
    body.token AS fence_token,
    envelope.source.lsn AS lsn,
    envelope.source.txId AS transaction_id,
    kafka_topic,
    kafka_partition,
    kafka_offset,
    kafka_key,
    fromUnixTimestamp64Micro(envelope.source.ts_us, 'UTC') AS committed_at,
    fromUnixTimestamp64Micro(envelope.ts_us, 'UTC') AS captured_at,
    produced_at,
    now64(6, 'UTC') AS ingested_at
FROM messages
