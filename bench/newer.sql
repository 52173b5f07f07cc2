-- Rows that were not there at the last look.
SELECT outbox_id FROM events WHERE outbox_id > {last:UInt64}
