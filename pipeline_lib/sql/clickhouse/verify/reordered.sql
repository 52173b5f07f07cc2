-- Those that stand in the topic before one that was committed earlier, and that one.
CREATE TABLE reordered
(
    outbox_id  Int64,
    behind     Int64
)
ENGINE = MergeTree
ORDER BY outbox_id
