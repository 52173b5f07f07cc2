-- The outbox rows that PostgreSQL has. `typed` is the digest of the row that ClickHouse must have of each, made of texts
-- that PostgreSQL took from the JSON; `plain` tells that they are such that the digest means what it says.
CREATE TABLE outbox
(
    outbox_id         Int64,
    aggregate_id      String,
    aggregate_type    LowCardinality(String),
    event_type        LowCardinality(String),
    payload           String,
    created_us        Int64,
    announced_apart   Bool,
    told_at           Nullable(String) EPHEMERAL,
    experiment_id     Nullable(String) EPHEMERAL,
    user              Nullable(String) EPHEMERAL,
    session           Nullable(String) EPHEMERAL,
    variant_id        Nullable(String) EPHEMERAL,
    variant           Nullable(String) EPHEMERAL,
    body_type         Nullable(String) EPHEMERAL,
    properties        Nullable(String) EPHEMERAL,
    page              Nullable(String) EPHEMERAL,
    duration_seconds  Nullable(String) EPHEMERAL,
    value             Nullable(String) EPHEMERAL,
    currency          Nullable(String) EPHEMERAL,
    score             Nullable(String) EPHEMERAL,
    row               UInt64 MATERIALIZED sipHash64(aggregate_id, aggregate_type, event_type, payload),
    user_id           String MATERIALIZED trim(BOTH '"' FROM ifNull(user, '')),
    told_us           Nullable(Int64) MATERIALIZED toUnixTimestamp(
        parseDateTimeOrNull(substring(ifNull(told_at, ''), 2, 19), '%Y-%m-%dT%H:%i:%s', 'UTC')
    ) * 1000000 + toInt64OrNull(substring(ifNull(told_at, ''), 22, 6)),
    plain             Bool MATERIALIZED
        aggregate_type IN ('event', 'assignment')
        AND match(ifNull(told_at, ''), '^"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z"$')
        AND told_us IS NOT NULL
        AND match(ifNull(experiment_id, ''), '^-?[0-9]{1,18}$')
        AND match(ifNull(variant_id, '0'), '^-?[0-9]{1,18}$')
        AND arrayAll(
            text -> match(text, '^"[^"\\\\]*"$'),
            [ifNull(user, ''), ifNull(session, '""'), ifNull(variant, '""'), ifNull(body_type, '""'), ifNull(page, '""'), ifNull(currency, '""')]
        )
        AND arrayAll(
            text -> match(text, '^"?-?[0-9]{1,29}([.][0-9]{1,9})?"?$'),
            [ifNull(duration_seconds, '0'), ifNull(value, '0'), ifNull(score, '0')]
        )
        AND (aggregate_type = 'event') = (body_type IS NOT NULL)
        AND (aggregate_type = 'assignment') = (variant_id IS NOT NULL),
    typed             UInt64 MATERIALIZED sipHash64(
        ifNull(told_us, 0),
        toInt64OrZero(ifNull(experiment_id, '')),
        trim(BOTH '"' FROM ifNull(user, '')),
        trim(BOTH '"' FROM ifNull(session, '')),
        ifNull(variant_id, ''),
        trim(BOTH '"' FROM ifNull(variant, '')),
        trim(BOTH '"' FROM ifNull(body_type, '')),
        ifNull(properties, ''),
        trim(BOTH '"' FROM ifNull(page, '')),
        ifNull(toString(toDecimal128OrNull(trim(BOTH '"' FROM ifNull(duration_seconds, '')), 9)), ''),
        ifNull(toString(toDecimal128OrNull(trim(BOTH '"' FROM ifNull(value, '')), 9)), ''),
        trim(BOTH '"' FROM ifNull(currency, '')),
        ifNull(toString(toDecimal128OrNull(trim(BOTH '"' FROM ifNull(score, '')), 9)), ''),
        ifNull(body_type = '"exposure"', false),
        ifNull(body_type = '"click"', false),
        ifNull(body_type = '"conversion"', false)
    )
)
ENGINE = MergeTree
ORDER BY outbox_id
