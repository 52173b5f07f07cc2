-- The consumer of the topic. RawBLOB makes one row of each message whatever is in it: a JSON format would split a
-- message that holds several objects, and pass over one that holds none.
CREATE TABLE events_queue
(
    raw String
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = :'bootstrap',
    kafka_topic_list = :'topic',
    kafka_group_name = :'group',
    kafka_format = 'RawBLOB',
    kafka_num_consumers = 1,
    kafka_handle_error_mode = 'stream',
    kafka_flush_interval_ms = :'flush_interval_ms',
    kafka_poll_timeout_ms = :'poll_timeout_ms',
    kafka_poll_max_batch_size = :'poll_max_batch_size'
