"""How far the pipeline's end is behind its beginning, now."""

from dataclasses import dataclass

from pipeline_lib.hops.chain import Chain
from pipeline_lib.model.position import Lsn


@dataclass(frozen=True)
class Lag:
    """`wal_bytes` that the connector has not confirmed, `messages` of the topic that ClickHouse has not committed.

    WAL is also written by what is not captured, and confirmed at Debezium's heartbeats: some bytes are no backlog.
    """

    wal_bytes: int
    messages: int


def lag_of(chain: Chain) -> Lag:
    """Asks PostgreSQL for the slots, Kafka for its ends and for what ClickHouse's group has committed."""
    confirmed = [Lsn.parse(slot["confirmed_flush_lsn"]) for slot in chain.postgres.slots()]
    behind = chain.postgres.position()[0] - min(confirmed, default=Lsn(0))
    committed = {at.partition: at.offset for at in chain.clickhouse.position()}
    messages = sum(max(0, at.offset - committed.get(at.partition, 0)) for at in chain.kafka.position())
    return Lag(int(behind), messages)
