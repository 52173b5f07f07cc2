CREATE MATERIALIZED VIEW keep_events TO events AS
SELECT * EXCEPT (reason, raw, fence_token, kafka_key)
FROM parsed_messages
WHERE reason = '' AND aggregate_type IN ('assignment', 'event')
