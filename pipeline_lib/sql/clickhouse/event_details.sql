-- What visitors did, each event once; value and score are 0 where the event has none, as in the analysts' report.
CREATE VIEW event_details AS
SELECT
    aggregate_id AS id,
    experiment_id,
    user_id,
    session_id,
    event_type,
    occurred_at,
    page,
    duration_seconds,
    ifNull(value, 0) AS value,
    currency,
    ifNull(score, 0) AS score,
    is_exposure,
    is_click,
    is_conversion
FROM events FINAL
WHERE aggregate_type = 'event'
