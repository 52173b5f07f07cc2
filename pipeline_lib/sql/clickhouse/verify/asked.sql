-- The ids that were asked about.
CREATE TABLE asked
(
    aggregate_id  String
)
ENGINE = MergeTree
ORDER BY aggregate_id
