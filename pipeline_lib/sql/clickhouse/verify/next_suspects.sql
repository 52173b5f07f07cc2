SELECT outbox_id, max(stray) AS stray
FROM suspects
WHERE outbox_id > {after:Int64}
GROUP BY outbox_id
ORDER BY outbox_id
LIMIT {page:UInt32}
