-- One row for each outbox row that was committed or seen: how often it is at each place, and whether all places agree.
CREATE TABLE ways
(
    outbox_id     Int64,
    committed     UInt32,
    in_outbox     UInt32,
    in_topic      UInt32,
    stored        UInt32,
    refused       UInt32,
    agreed        Bool,
    committed_us  Int64 COMMENT 'by the writer, else by PostgreSQL',
    answered_us   Int64,
    captured_us   Int64,
    produced_us   Int64,
    ingested_us   Int64
)
ENGINE = MergeTree
ORDER BY outbox_id
