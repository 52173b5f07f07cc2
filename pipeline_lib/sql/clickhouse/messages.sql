-- A junction that stores nothing: each message of the topic, taken apart. `judge_messages` reads it.
--
-- A message is read in two steps, each a view from one junction to the next. One view would do, but ClickHouse plans a
-- view anew for every block, and expressions that build on each other in one view make that take longer than all else.
CREATE TABLE messages
(
    message             String,
    fault               String COMMENT 'why it cannot be taken apart; empty if it can',
    -- the row of the outbox
    outbox_id           UInt64,
    aggregate_type      String,
    aggregate_id        String,
    outbox_event_type   String,
    payload             String,
    recorded_text       String,
    -- where and when Debezium read it
    lsn                 UInt64,
    transaction_id      UInt64,
    committed_us        Int64,
    captured_us         Int64,
    -- the payload in it; ids and times are the text that stands there, to be judged before it is read
    experiment_text     String,
    user_id             String,
    session_id          String,
    variant_text        String,
    variant_key         String,
    event_type          String,
    occurred_text       String,
    assigned_text       String,
    properties          String,
    fence_token         String,
    -- the properties in that
    page                String,
    currency            String,
    numbers             Array(String) COMMENT 'value, score and duration_seconds of the properties, as they are written there',
    produced_at         DateTime64(3, 'UTC'),
    kafka_topic         String,
    kafka_partition     UInt32,
    kafka_offset        UInt64,
    kafka_key           String
)
ENGINE = Null
