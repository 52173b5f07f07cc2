-- A junction that stores nothing: each message of the topic, taken apart. `judge_messages` reads it.
--
-- A message is read in two steps, each a view from one junction to the next. One view would do, but ClickHouse plans a
-- view anew for every block, and expressions that build on each other in one view make that take longer than all else.
CREATE TABLE messages
(
    message          String,
    fault            String COMMENT 'why it cannot be taken apart; empty if it can',
    envelope         Tuple(
        after   Tuple(
            id              UInt64,
            aggregate_type  String,
            aggregate_id    String,
            event_type      String,
            payload         String,
            created_at      String),
        source  Tuple(lsn UInt64, txId UInt64, ts_us Int64),
        ts_us   Int64),
    body             Tuple(
        experiment_id  String,
        user_id        String,
        session_id     String,
        variant_id     String,
        variant_key    String,
        event_type     String,
        occurred_at    String,
        assigned_at    String,
        properties     String,
        token          String) COMMENT 'the payload in the envelope; ids are text, since reading them as Int64 would cut fractions off',
    details          Tuple(page String, currency String) COMMENT 'the properties in the payload',
    numbers          Array(String) COMMENT 'value, score and duration_seconds of the properties, as they are written there',
    produced_at      DateTime64(3, 'UTC'),
    kafka_topic      String,
    kafka_partition  UInt32,
    kafka_offset     UInt64,
    kafka_key        String
)
ENGINE = Null
