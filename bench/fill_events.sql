-- Events as the pipeline would have made them: five rows a user, the first of them the assignment; every tenth user of
-- control buys, and every fifth of treatment. Users come in no order, as they do.
INSERT INTO events
(
    outbox_id, aggregate_type, aggregate_id, outbox_event_type, recorded_at, payload, occurred_at, experiment_id, user_id,
    session_id, variant_id, variant_key, event_type, properties, page, duration_seconds, value, currency, lsn,
    transaction_id, kafka_topic, kafka_partition, kafka_offset, committed_at, captured_at, produced_at, ingested_at
)
WITH
    intDiv(number, 5) AS user,
    number % 5 AS step,
    user % 2 AS treated,
    sipHash64(user) AS hash,
    toDateTime64('2026-10-01 00:00:00', 6, 'UTC') + toIntervalSecond(user % 2500000 + 10 * step) AS at,
    ['', 'exposure', 'page_view', 'click', if(hash % 10 <= treated, 'conversion', 'page_view')][step + 1] AS act
SELECT
    number + 1, if(step = 0, 'assignment', 'event'), concat('event-', toString(number)), 'CREATED', at, '{}', at,
    1000 + intDiv(user, 2) % {experiments:UInt64}, concat('user-', toString(hash)),
    concat('session-', toString(hash)), if(step = 0, 1 + treated, NULL),
    if(step = 0, ['control', 'treatment'][1 + treated], ''), act, '{}', if(act = '', '', '/product'),
    if(act = 'page_view', toDecimal128(15, 9), NULL),
    if(act = 'conversion', toDecimal128(hash % 10000, 9) / 100, NULL),
    if(act = 'conversion', ['USD', 'EUR'][1 + hash % 7 % 2], ''), number, number, 'bench', 0, number, at, at, at, at
FROM numbers({first:UInt64}, {rows:UInt64})
