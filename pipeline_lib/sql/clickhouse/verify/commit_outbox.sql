-- What the outbox has was committed; when, by whom and where in the WAL it does not tell.
INSERT INTO committed (outbox_id, aggregate_id, aggregate_type, event_type, payload, lsn, committed_us, acknowledged_us, writer)
SELECT outbox_id, aggregate_id, aggregate_type, event_type, payload, 0, created_us, 0, ''
FROM outbox
WHERE NOT {only_asked:Bool} OR aggregate_id IN (SELECT aggregate_id FROM asked)
