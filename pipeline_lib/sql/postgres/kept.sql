-- The server's replication slots and the database's publications, with what each is for.
SELECT concat('replication slot ', slot_name) AS thing, concat_ws(' ', slot_type, plugin, database) AS definition
FROM pg_replication_slots
WHERE NOT temporary
UNION ALL
SELECT
    concat('publication ', p.pubname),
    concat_ws(
        ' ', p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate,
        (
            SELECT string_agg(concat(t.schemaname, '.', t.tablename), ' ' ORDER BY t.schemaname, t.tablename)
            FROM pg_publication_tables AS t
            WHERE t.pubname = p.pubname
        )
    )
FROM pg_publication AS p
