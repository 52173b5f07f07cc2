-- The messages of a page: its suspects, and what was committed before one of them and stands behind it in the topic.
SELECT outbox_id FROM suspects WHERE outbox_id > {after:Int64} AND outbox_id <= {upto:Int64}
UNION ALL
SELECT behind FROM reordered WHERE outbox_id > {after:Int64} AND outbox_id <= {upto:Int64}
