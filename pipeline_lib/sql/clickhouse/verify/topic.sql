-- The audit: every message of the topic in its range, whatever it is. ClickHouse's views are not asked: they are what is
-- verified. `plain` tells that a message is an insert of an outbox row, keyed by it and written as Debezium writes them;
-- what is not may still be right, but has to be looked at.
CREATE TABLE topic
(
    partition     Int32,
    offset        Int64,
    produced_ms   Int64,
    key           Nullable(String),
    value         Nullable(String),
    message       Tuple(
        after Tuple(id Int64, aggregate_id String, aggregate_type String, event_type String, payload String),
        before Tuple(id Int64),
        source Tuple(lsn Int64, ts_us Int64),
        ts_us Int64
    ) EPHEMERAL JSONExtract(
        ifNull(value, ''),
        'Tuple(after Tuple(id Int64, aggregate_id String, aggregate_type String, event_type String, payload String), before Tuple(id Int64), source Tuple(lsn Int64, ts_us Int64), ts_us Int64)'
    ),
    place         Int64 MATERIALIZED bitShiftLeft(toInt64(partition), 48) + offset,
    outbox_id     Int64 MATERIALIZED multiIf(message.1.1 > 0, message.1.1, message.2.1 > 0, message.2.1, -place - 1000000000000)
        COMMENT 'of a message that does not tell, its place below 0',
    aggregate_id  String MATERIALIZED message.1.2,
    is_fence      Bool MATERIALIZED message.1.3 = 'fence',
    committed_us  Int64 MATERIALIZED message.3.2,
    captured_us   Int64 MATERIALIZED message.4,
    row           UInt64 MATERIALIZED sipHash64(message.1.2, message.1.3, message.1.4, message.1.5),
    plain         Bool MATERIALIZED
        startsWith(ifNull(value, ''), concat('{"before":null,"after":{"id":', toString(message.1.1), ',"aggregate_id":"'))
        AND ifNull(key = concat('{"aggregate_id":"', message.1.2, '"}'), false)
        AND NOT match(message.1.2, '["\\\\[:cntrl:]]')
        AND position(ifNull(value, ''), '"aggregate_type":"') > 0
        AND position(ifNull(value, ''), '"event_type":"') > 0
        AND position(ifNull(value, ''), '"payload":"') > 0
        AND position(ifNull(value, ''), '"op":"c"') > 0
        AND position(ifNull(value, ''), concat('"lsn":', toString(message.3.1), ',')) > 0
        AND countSubstrings(ifNull(value, ''), '"ts_us":') = 2
        AND position(ifNull(value, ''), concat('"ts_us":', toString(message.3.2), ',')) > 0
        AND position(ifNull(value, ''), concat('"ts_us":', toString(message.4), ',')) > 0
)
ENGINE = MergeTree
ORDER BY (partition, offset)
