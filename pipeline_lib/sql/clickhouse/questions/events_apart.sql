-- How many assignments and events one of two databases has and the other has not, of those before the markers. Where a
-- row came from is left out: of a message that came twice either copy will do.
SELECT
    (
        SELECT count()
        FROM (
            SELECT * EXCEPT (kafka_topic, kafka_partition, kafka_offset, produced_at, ingested_at) FROM :ours FINAL
            WHERE kafka_offset < transform(kafka_partition, {partitions:Array(UInt32)}, {offsets:Array(UInt64)}, toUInt64(0))
            EXCEPT
            SELECT * EXCEPT (kafka_topic, kafka_partition, kafka_offset, produced_at, ingested_at) FROM :theirs FINAL
        )
    ) + (
        SELECT count()
        FROM (
            SELECT * EXCEPT (kafka_topic, kafka_partition, kafka_offset, produced_at, ingested_at) FROM :theirs FINAL
            WHERE kafka_offset < transform(kafka_partition, {partitions:Array(UInt32)}, {offsets:Array(UInt64)}, toUInt64(0))
            EXCEPT
            SELECT * EXCEPT (kafka_topic, kafka_partition, kafka_offset, produced_at, ingested_at) FROM :ours FINAL
        )
    ) AS apart
