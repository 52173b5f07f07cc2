-- What is not known to be right: to be judged. `stray` is what was not committed, as far as we know.
CREATE TABLE suspects
(
    outbox_id  Int64,
    stray      Bool
)
ENGINE = MergeTree
ORDER BY outbox_id
