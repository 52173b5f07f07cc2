-- Of one writer the order of commits is that of its outbox ids, whatever the key; between writers only a key's is known.
INSERT INTO reordered
WITH
    firsts AS
    (
        SELECT outbox_id, min(place) AS first
        FROM topic
        WHERE NOT is_fence
        GROUP BY outbox_id
    ),
    seen AS
    (
        SELECT c.outbox_id AS outbox_id, c.writer AS writer, c.aggregate_id AS aggregate_id, f.first AS first
        FROM committed AS c
        INNER JOIN firsts AS f ON f.outbox_id = c.outbox_id
    ),
    lines AS
    (
        SELECT
            outbox_id,
            first,
            max(first) OVER (
                PARTITION BY writer, bitShiftRight(first, 48) ORDER BY outbox_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS furthest
        FROM seen
        WHERE writer != ''
        UNION ALL
        SELECT
            outbox_id,
            first,
            max(first) OVER (
                PARTITION BY aggregate_id ORDER BY outbox_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS furthest
        FROM seen
        WHERE aggregate_id IN (SELECT aggregate_id FROM committed GROUP BY aggregate_id HAVING count() > 1)
    )
SELECT lines.outbox_id, topic.outbox_id
FROM topic
INNER JOIN (SELECT outbox_id, furthest FROM lines WHERE furthest > first) AS lines ON topic.place = lines.furthest
