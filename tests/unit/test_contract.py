"""The contract of the outbox: it takes what the application writes, and nothing that a reader could not read."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from pipeline_lib.model import outbox
from pipeline_lib.model.contract import violations
from pipeline_lib.model.journey import CONTROL, REFERENCE_ACTS, Assignment, Visitor

AT = datetime(2026, 11, 22, 15, 4, 11, 123456, tzinfo=UTC)
VISITOR = Visitor()
ASSIGNMENT = asdict(outbox.of_assignment(Assignment(7, 1, VISITOR.user_id, CONTROL, AT)))
EVENT = asdict(outbox.of_event(REFERENCE_ACTS[-1].by(VISITOR, AT)))


def changed(message: Mapping[str, Any], **payload: Any) -> dict[str, Any]:
    return {**message, "payload": {**message["payload"], **payload}}


def without(message: Mapping[str, Any], field: str) -> dict[str, Any]:
    return {**message, "payload": {name: value for name, value in message["payload"].items() if name != field}}


@pytest.mark.parametrize(
    "message",
    [
        ASSIGNMENT,
        *(asdict(outbox.of_event(act.by(VISITOR, AT))) for act in REFERENCE_ACTS),
        asdict(outbox.of_fence("fence-1-0", "1")),
        changed(EVENT, added_later=[1]),
        changed(EVENT, properties="{}"),
        changed(EVENT, properties='{"value":null,"goods":[{"value":"what they like"}]}'),
        changed(EVENT, properties='{"value":"99999999999999999999999999999.999999999"}'),
    ],
)
def test_what_the_application_writes_keeps_to_it(message: Mapping[str, Any]) -> None:
    assert violations(message) == []


@pytest.mark.parametrize(
    ("message", "place"),
    [
        *((without(ASSIGNMENT, field), "/payload: ") for field in ASSIGNMENT["payload"]),
        *((without(EVENT, field), "/payload: ") for field in EVENT["payload"]),
        ({**EVENT, "aggregate_type": "zebra"}, "/aggregate_type: "),
        ({**EVENT, "aggregate_type": "assignment"}, "/aggregate_id: "),
        ({**EVENT, "event_type": "ASSIGNMENT_CREATED"}, "/event_type: "),
        ({**EVENT, "aggregate_id": ""}, "/aggregate_id: "),
        ({**EVENT, "payload": []}, "/payload: "),
        (changed(EVENT, user_id=""), "/payload/user_id: "),
        (changed(EVENT, experiment_id="1"), "/payload/experiment_id: "),
        (changed(EVENT, experiment_id=Decimal("1.5")), "/payload/experiment_id: "),
        (changed(EVENT, experiment_id=2**63), "/payload/experiment_id: "),
        (changed(EVENT, occurred_at="2026-11-22T15:04:11Z"), "/payload/occurred_at: "),
        (changed(EVENT, occurred_at="2026-11-22T15:04:11.123456+01:00"), "/payload/occurred_at: "),
        (changed(EVENT, properties={}), "/payload/properties: "),
        (changed(EVENT, properties="{"), "/payload/properties: "),
        (changed(EVENT, properties="[1]"), "/payload/properties: "),
        (changed(EVENT, properties='{"value":"abc"}'), "/payload/properties/value: "),
        (changed(EVENT, properties='{"value":"0.1234567891"}'), "/payload/properties/value: "),
        (changed(EVENT, properties='{"page":1}'), "/payload/properties/page: "),
    ],
)
def test_what_breaks_it_is_named_with_its_place(message: Mapping[str, Any], place: str) -> None:
    told = violations(message)
    assert told
    assert any(violation.startswith(place) for violation in told), told
