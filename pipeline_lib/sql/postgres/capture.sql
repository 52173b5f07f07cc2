-- What the connector reads the outbox through: its replication slot and its publication, as far as they are there.
SELECT
    s.slot_name IS NOT NULL AS slot_exists,
    s.wal_status,
    s.active,
    p.pubname IS NOT NULL AS publication_exists,
    coalesce(p.pubinsert, false) AS publishes_inserts,
    EXISTS (
        SELECT
        FROM pg_publication_tables
        WHERE pubname = %(publication)s AND schemaname = 'public' AND tablename = 'outbox'
    ) AS publishes_outbox
FROM (VALUES (1)) AS one (row)
LEFT JOIN pg_replication_slots AS s ON s.slot_name = %(slot)s
LEFT JOIN pg_publication AS p ON p.pubname = %(publication)s
