-- Whether the topic is consumed: the Kafka engine tables, those of them that a view reads, and what the consumers have
-- failed with since their last commit, each time.
SELECT
    (SELECT count() FROM system.tables WHERE database = currentDatabase() AND engine = 'Kafka') AS queues,
    (
        SELECT count()
        FROM system.tables
        WHERE database = currentDatabase() AND engine = 'Kafka' AND notEmpty(dependencies_table)
    ) AS read,
    (
        SELECT arrayFlatten(groupArray(arrayFilter(
            failure -> failure.1 >= last_commit_time,
            arrayZip(exceptions.time, exceptions.text)
        )))
        FROM system.kafka_consumers
        WHERE database = currentDatabase()
    ) AS exceptions
