-- How many of the committed were seen at each hop, and how long after COMMIT, in milliseconds: of up to ten thousand all,
-- of more a sample.
SELECT
    countIf(committed > 0) AS expected,
    countIf(committed > 0 AND in_outbox > 0) AS postgres,
    countIf(committed > 0 AND in_topic > 0) AS kafka,
    countIf(committed > 0 AND stored > 0) AS clickhouse,
    groupArraySampleIf(10000, 1)((answered_us - committed_us) / 1000, committed > 0 AND answered_us > 0) AS postgres_ms,
    groupArraySampleIf(10000, 1)((captured_us - committed_us) / 1000, committed > 0 AND in_topic > 0) AS connect_ms,
    groupArraySampleIf(10000, 1)((produced_us - committed_us) / 1000, committed > 0 AND in_topic > 0) AS kafka_ms,
    groupArraySampleIf(10000, 1)(
        (ingested_us - committed_us) / 1000, committed > 0 AND in_topic > 0 AND stored > 0
    ) AS clickhouse_ms
FROM ways
