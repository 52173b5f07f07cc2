-- A junction that stores nothing: each message of the topic, parsed once, passes here on its way to events, fences or
-- dead letters. Whoever wants all messages (an audit) attaches a view to it.
CREATE TABLE parsed_messages
(
    reason             String COMMENT 'why it could not be read; empty if it could',
    raw                String,
    outbox_id          UInt64,
    aggregate_type     String,
    aggregate_id       String,
    outbox_event_type  String,
    recorded_at        DateTime64(6, 'UTC'),
    payload            String,
    occurred_at        DateTime64(6, 'UTC'),
    experiment_id      Int64,
    user_id            String,
    session_id         String,
    variant_id         Nullable(Int64),
    variant_key        String,
    event_type         String,
    properties         String,
    page               String,
    duration_seconds   Nullable(Decimal(38, 9)),
    value              Nullable(Decimal(38, 9)),
    currency           String,
    score              Nullable(Decimal(38, 9)),
    fence_token        String,
    lsn                UInt64,
    transaction_id     UInt64,
    kafka_topic        String,
    kafka_partition    UInt32,
    kafka_offset       UInt64,
    kafka_key          String,
    committed_at       DateTime64(6, 'UTC'),
    captured_at        DateTime64(6, 'UTC'),
    produced_at        DateTime64(3, 'UTC'),
    ingested_at        DateTime64(6, 'UTC')
)
ENGINE = Null
