INSERT INTO suspects
SELECT outbox_id, false
FROM ways
WHERE committed > 0
    AND ({everything:Bool} OR NOT agreed OR in_outbox != 1 OR in_topic != 1 OR stored != 1 OR refused != 0)
UNION DISTINCT
SELECT outbox_id, false
FROM reordered
