"""The ledger: each way in which a message can go wrong is told by its name, at the hop where it went wrong."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from pipeline_lib.hops.protocol import Obstacle
from pipeline_lib.model import outbox
from pipeline_lib.model.journey import Visitor
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import Lsn, TopicPosition
from pipeline_lib.model.sighting import Sighting
from pipeline_lib.verify.expected import fields_at
from pipeline_lib.verify.ledger import HOPS, judge
from pipeline_lib.verify.verdict import HopReport, Tally, Verdict, latencies_ms
from tests.unit.store import journey

AT = datetime(2026, 11, 22, 15, 4, 11, tzinfo=UTC)
COMMITTED = tuple(
    Committed(message, 10 + number, Lsn(1000 * number), AT, AT + timedelta(milliseconds=2), "writer")
    for number, message in enumerate(journey(Visitor()))
)
OUT = dict.fromkeys(HOPS, True)

Sightings = dict[str, list[Sighting]]


def seen_everywhere() -> Sightings:
    """All messages at all hops, as they should be."""
    return {
        hop: [
            Sighting(
                hop,
                message.id,
                message.outbox_id,
                TopicPosition("t", 0, number) if hop in ("kafka", "clickhouse") else message.lsn,
                AT + timedelta(milliseconds=20 + number),
                fields_at(hop, message.message),
            )
            for number, message in enumerate(COMMITTED)
        ]
        for hop in HOPS
    }


def with_field(sighting: Sighting, name: str, value: object) -> Sighting:
    assert name in sighting.fields
    return replace(sighting, fields={**sighting.fields, name: value})


def lose(seen: Sightings, first: str, number: int) -> None:
    for hop in HOPS[HOPS.index(first) :]:
        del seen[hop][number]


def swap_in_kafka(seen: Sightings) -> None:
    one, other = seen["kafka"][2], seen["kafka"][3]
    seen["kafka"][2:4] = [replace(other, position=one.position), replace(one, position=other.position)]


def redeliver(seen: Sightings, number: int) -> None:
    """In the topic twice; the two hops read the same topic."""
    for hop in ("connect", "kafka"):
        seen[hop].append(seen[hop][number])


def collapse(seen: Sightings, number: int) -> None:
    seen["clickhouse"].append(replace(seen["clickhouse"][number], collapsed=True))


def change_in_topic(seen: Sightings) -> None:
    for hop in ("connect", "kafka"):
        payload = {**seen[hop][1].fields["payload"], "user_id": "another"}
        seen[hop][1] = with_field(seen[hop][1], "payload", payload)


def refuse(seen: Sightings, reason: str) -> None:
    seen["clickhouse"][4] = replace(seen["clickhouse"][4], fields={}, refused=reason)


def test_a_healthy_pipeline_gives_no_finding() -> None:
    assert judge(COMMITTED, seen_everywhere(), OUT) == []


@pytest.mark.parametrize(
    ("defect", "findings"),
    [
        (lambda seen: lose(seen, "postgres", 1), [("lost", "postgres", 1)]),
        (lambda seen: lose(seen, "connect", 1), [("lost", "connect", 1)]),
        (lambda seen: lose(seen, "kafka", 0), [("lost", "kafka", 0)]),
        (lambda seen: lose(seen, "clickhouse", 4), [("lost", "clickhouse", 4)]),
        (lambda seen: redeliver(seen, 2), [("redelivered", "connect", 2)]),
        (lambda seen: seen["clickhouse"].append(seen["clickhouse"][2]), [("duplicated", "clickhouse", 2)]),
        (lambda seen: collapse(seen, 2), [("redelivered", "clickhouse", 2)]),
        (swap_in_kafka, [("reordered", "connect", 3)]),
        (lambda seen: refuse(seen, "cannot read value 'abc'"), [("lost", "clickhouse", 4)]),
        (
            lambda seen: seen["kafka"].append(Sighting("kafka", "e2e_event_x", 99, TopicPosition("t", 0, 9))),
            [("unexpected", "kafka", "e2e_event_x")],
        ),
        (change_in_topic, [("corrupted", "connect", 1)]),
    ],
)
def test_a_defect_is_told_where_it_is(
    defect: Callable[[Sightings], None], findings: list[tuple[str, str, int | str]]
) -> None:
    seen = seen_everywhere()
    defect(seen)
    assert [(finding.kind, finding.hop, finding.id) for finding in judge(COMMITTED, seen, OUT)] == [
        (kind, hop, COMMITTED[which].id if isinstance(which, int) else which) for kind, hop, which in findings
    ]


@pytest.mark.parametrize("name", sorted(fields_at("clickhouse", COMMITTED[4].message)))
def test_every_field_of_a_row_is_compared(name: str) -> None:
    seen = seen_everywhere()
    seen["clickhouse"][4] = with_field(seen["clickhouse"][4], name, object())
    (finding,) = judge(COMMITTED, seen, OUT)
    assert (finding.kind, finding.hop, finding.words.split(":")[0]) == ("corrupted", "clickhouse", name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("value", Decimal("39.990000001")),
        ("value", None),
        ("occurred_at", AT.replace(second=23, microsecond=123457)),
        ("score", Decimal("87.999999999")),
    ],
)
def test_the_least_difference_is_one(name: str, value: object) -> None:
    seen = seen_everywhere()
    seen["clickhouse"][4] = with_field(seen["clickhouse"][4], name, value)
    assert [finding.kind for finding in judge(COMMITTED, seen, OUT)] == ["corrupted"]


def test_what_is_not_there_before_the_fence_is_missing_and_not_lost() -> None:
    seen = seen_everywhere()
    lose(seen, "clickhouse", 4)
    findings = judge(COMMITTED, seen, {**OUT, "clickhouse": False})
    assert [(finding.kind, finding.hop) for finding in findings] == [("missing", "clickhouse")]


def test_what_follows_from_a_loss_is_not_told_again() -> None:
    seen = seen_everywhere()
    lose(seen, "connect", 2)
    assert len(judge(COMMITTED, seen, OUT)) == 1


def test_a_redelivered_message_still_has_to_arrive() -> None:
    seen = seen_everywhere()
    redeliver(seen, 4)
    lose(seen, "clickhouse", 4)
    assert [finding.kind for finding in judge(COMMITTED, seen, OUT)] == ["redelivered", "lost"]


def verdict(seen: Sightings, fence_s: float | None = 0.41, **changes: object) -> Verdict:
    out = {**OUT, "clickhouse": fence_s is not None}
    position = {"postgres": (Lsn(0x1A12210),), "connect": (Lsn(0x1A12210),)}
    marks = (TopicPosition("t", 2, 122),)
    told = Verdict(
        committed=COMMITTED,
        findings=tuple(judge(COMMITTED, seen, out)),
        hops=tuple(
            HopReport(hop, 5, len(seen[hop]), (), position.get(hop, marks), still_s=3 if hop == "kafka" else 0)
            for hop in HOPS
        ),
        sightings=seen,
        waited_s=0.62,
        budget_s=10,
        fence_s=fence_s,
        fence_marks=marks if fence_s is not None else (),
    )
    return replace(told, **changes)  # type: ignore[arg-type]


def test_a_healthy_verdict_passes() -> None:
    assert verdict(seen_everywhere()).passed


def test_without_a_fence_nothing_passes() -> None:
    assert not verdict(seen_everywhere(), fence_s=None).passed


def test_a_redelivered_message_is_no_failure() -> None:
    seen = seen_everywhere()
    redeliver(seen, 2)
    assert verdict(seen).passed


def test_a_failure_tells_where_each_event_is_and_how_far_every_hop() -> None:
    seen = seen_everywhere()
    refuse(seen, "cannot read value 'abc' as Decimal(38, 9)")
    lose(seen, "clickhouse", 3)
    click, purchase = COMMITTED[3].id, COMMITTED[4].id
    assert verdict(seen, evidence=".throughline/evidence/x").text().splitlines() == [
        "2 of 5 events are lost between kafka and clickhouse (fence out after 0.41 s; waited 0.6 of 10 s)",
        "",
        "  event               postgres  connect  kafka  clickhouse",
        f"  {click}  0/BB8     read     t-0@3  –  behind the fence at t-2@122",
        f"  {purchase}  0/FA0     read     t-0@4  dead letter: cannot read value 'abc' as Decimal(38, 9)",
        "",
        "  positions   postgres 0/1A12210 (moving)   connect 0/1A12210 (moving)   kafka -2@122 (still for 3 s)   "
        "clickhouse -2@122 (moving)",
        "  evidence    .throughline/evidence/x",
    ]


def test_a_failure_of_many_events_stays_on_one_screen() -> None:
    many = tuple(replace(message, outbox_id=100 + number) for number in range(40) for message in COMMITTED)
    many = tuple(
        replace(one, message=replace(one.message, aggregate_id=f"event-{number}")) for number, one in enumerate(many)
    )
    nothing: Sightings = {hop: [] for hop in HOPS}
    text = replace(verdict(nothing), committed=many, findings=tuple(judge(many, nothing, OUT))).text()
    assert len(text.splitlines()) <= 24
    assert "200 of 200 events are lost at postgres" in text
    assert "… and 188 more" in text


def test_a_verdict_of_which_only_the_first_findings_are_kept_tells_how_many_there_are() -> None:
    nothing: Sightings = {hop: [] for hop in HOPS}
    told = replace(verdict(nothing), tally=Tally(1_000_000, {("postgres", "lost"): 150_000}))
    assert told.text().startswith("150000 of 1000000 events are lost at postgres")


def test_why_waiting_was_given_up_is_told() -> None:
    obstacle = Obstacle("connect", "failed", "the connector has FAILED:\norg.example.Trace")
    stopped = verdict(seen_everywhere(), fence_s=None, obstacle=obstacle).text()
    assert "the fence is not out" in stopped
    assert "  connect: the connector has FAILED:\n  org.example.Trace" in stopped


def test_latencies_count_from_the_commit_and_to_the_first_sighting() -> None:
    seen = seen_everywhere()["kafka"]
    seen.append(replace(seen[0], at=AT + timedelta(seconds=5)))
    report = HopReport("kafka", 5, 5, latencies_ms(COMMITTED, seen), (), still_s=3)
    assert report.latencies_ms == (20, 21, 22, 23, 24)
    assert (report.percentile_ms(50), report.percentile_ms(99)) == (22, pytest.approx(23.96))
    assert HopReport("kafka", 5, 0, (), (), still_s=3).percentile_ms(50) is None


def other_writer(number: int, writer: str) -> tuple[Committed, ...]:
    return tuple(replace(one, writer=writer) if index == number else one for index, one in enumerate(COMMITTED))


def test_between_two_writers_no_order_is_known() -> None:
    seen = seen_everywhere()
    swap_in_kafka(seen)
    assert judge(other_writer(3, "another"), seen, OUT) == []


def test_within_a_key_the_order_is_known_whoever_wrote() -> None:
    seen = seen_everywhere()
    swap_in_kafka(seen)
    committed = other_writer(3, "another")
    one_key = replace(committed[3].message, aggregate_id=committed[2].id)
    committed = (*committed[:3], replace(committed[3], message=one_key), *committed[4:])
    assert ("reordered", "connect") in {(finding.kind, finding.hop) for finding in judge(committed, seen, OUT)}


def test_a_row_announced_by_another_transaction_is_told() -> None:
    seen = seen_everywhere()
    seen["postgres"][2] = with_field(seen["postgres"][2], "announced apart", True)
    (finding,) = judge(COMMITTED, seen, OUT)
    assert (finding.kind, finding.hop, finding.id) == ("corrupted", "postgres", COMMITTED[2].id)


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_writer_whose_clock_is_off_is_told(off: timedelta) -> None:
    committed = tuple(replace(one, committed_at=one.committed_at + off) for one in COMMITTED)
    findings = judge(committed, seen_everywhere(), OUT)
    assert {(finding.kind, finding.hop) for finding in findings} == {("skewed", "postgres")}


def test_an_event_from_the_future_is_told() -> None:
    seen = seen_everywhere()
    past = AT - timedelta(hours=1)
    seen["postgres"] = [replace(one, at=past) for one in seen["postgres"]]
    committed = tuple(replace(one, committed_at=past) for one in COMMITTED)
    (finding, *_) = judge(committed, seen, OUT)
    assert (finding.kind, finding.hop) == ("skewed", "postgres")
    assert "told to have happened at" in finding.words


def test_of_a_changed_payload_only_what_differs_is_shown() -> None:
    seen = seen_everywhere()
    change_in_topic(seen)
    (finding,) = judge(COMMITTED, seen, OUT)
    assert finding.words == f"payload.user_id: committed {COMMITTED[1].user_id}, seen another"


def test_a_fence_that_was_lost_is_told_as_any_message() -> None:
    mark = replace(COMMITTED[0], message=outbox.of_fence("fence-abc-0", "abc"), outbox_id=99)
    (finding,) = judge(COMMITTED, seen_everywhere(), OUT, lost_fences=[mark])
    assert (finding.kind, finding.hop, finding.id, finding.words) == ("lost", "connect", "fence", "marker fence-abc-0")
