-- How many dead letters one of two databases has and the other has not, of those before the markers.
SELECT
    (
        SELECT count()
        FROM (
            SELECT * EXCEPT ingested_at FROM :ours FINAL
            WHERE kafka_offset < transform(kafka_partition, {partitions:Array(UInt32)}, {offsets:Array(UInt64)}, toUInt64(0))
            EXCEPT
            SELECT * EXCEPT ingested_at FROM :theirs FINAL
        )
    ) + (
        SELECT count()
        FROM (
            SELECT * EXCEPT ingested_at FROM :theirs FINAL
            WHERE kafka_offset < transform(kafka_partition, {partitions:Array(UInt32)}, {offsets:Array(UInt64)}, toUInt64(0))
            EXCEPT
            SELECT * EXCEPT ingested_at FROM :ours FINAL
        )
    ) AS apart
