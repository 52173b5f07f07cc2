"""What can be wrong at Kafka: a message that somebody puts straight into the topic."""

from pipeline_lib.model import exact_json, outbox
from pipeline_lib.model.partitioner import key_of
from pipeline_lib.pipeline import Journey
from tests.sabotage.defect import Defect, Wrong, purchase, reference
from tests.sabotage.site import Site

NEVER = 10**15
"""An outbox id that no row has."""


def straight_into_topic(site: Site, journey: Journey) -> Wrong:
    """An event of the visitor's that looks like all others, and that no outbox ever had."""
    reference(journey)
    event = purchase(journey)
    message = outbox.of_event(event)
    envelope = {
        "before": None,
        "after": {
            "id": NEVER,
            "aggregate_id": message.aggregate_id,
            "aggregate_type": message.aggregate_type,
            "event_type": message.event_type,
            "payload": exact_json.dumps(message.payload),
            "created_at": message.payload["occurred_at"],
        },
        "source": {"lsn": 1, "txId": 1, "ts_us": 1},
        "op": "c",
        "ts_us": 1,
    }
    site.send(key_of(event.id), exact_json.dumps(envelope).encode())
    return [event.id]


DEFECTS = (Defect("an event inserted straight into the topic", "unexpected", "kafka", write=straight_into_topic),)
