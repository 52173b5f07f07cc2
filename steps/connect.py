"""Steps at the second hop: what the connector has captured."""

from pytest_bdd import parsers, then

from pipeline_lib.pipeline import Delivery, Journey, Pipeline


@then(parsers.parse("the {changes:d} changes are captured"))
def captured(pipeline: Pipeline, journey: Journey, delivery: Delivery, changes: int) -> None:
    assert pipeline.chain.connect.ready().ready, pipeline.chain.connect.ready().words
    connect = delivery.verdict.hop("connect")
    assert connect.seen == changes
    assert connect.position[0] >= journey.committed[-1].lsn
