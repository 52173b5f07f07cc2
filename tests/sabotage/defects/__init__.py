"""All defects, a module a hop; whoever adds one adds a value to its module."""

from tests.sabotage.defect import Defect
from tests.sabotage.defects import clickhouse, connect, kafka, postgres

DEFECTS: tuple[Defect, ...] = (*postgres.DEFECTS, *connect.DEFECTS, *kafka.DEFECTS, *clickhouse.DEFECTS)
