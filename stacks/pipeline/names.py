"""The names of the reference pipeline; a stack is one pipeline, so they are the same on every stack."""

DATABASE = "experiments"
TOPIC = "experiments_events"
CONNECTOR = "experiments-postgres-connector"
TOPIC_PREFIX = "experiments"
HEARTBEAT_TOPIC = f"__debezium-heartbeat.{TOPIC_PREFIX}"
PUBLICATION = "experiments_publication"
SLOT = "experiments_slot"
