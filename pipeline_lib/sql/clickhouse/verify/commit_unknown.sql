-- What the outbox does not have was asked about all the same.
INSERT INTO committed (outbox_id, aggregate_id, aggregate_type, event_type, payload, lsn, committed_us, acknowledged_us, writer)
SELECT
    -toInt64(row_number() OVER (ORDER BY aggregate_id)),
    aggregate_id,
    if(startsWith(aggregate_id, 'assignment-'), 'assignment', 'event'),
    '', '{}', 0, 0, 0, ''
FROM (SELECT DISTINCT aggregate_id FROM asked WHERE aggregate_id NOT IN (SELECT aggregate_id FROM outbox))
