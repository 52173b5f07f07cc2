"""The inventory of a stack: everything that its four systems keep and that somebody has to take away again.

Two of them tell what a run has left behind, taken away or changed: replication slots, publications, topics, consumer
groups, connectors, tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline_lib.hops.chain import Chain


@dataclass(frozen=True)
class Inventory:
    """`things` are what is kept, by name, each with its definition, which may hold secrets and is only compared."""

    things: Mapping[str, str] = field(repr=False)

    def changes_to(self, after: "Inventory") -> list[str]:
        """What is not as it was, in words: "topic x is new", "table y is gone", "connector z is another"."""
        before, now = self.things, after.things
        return [
            *(f"{name} is new" for name in sorted(now.keys() - before.keys())),
            *(f"{name} is gone" for name in sorted(before.keys() - now.keys())),
            *(f"{name} is another" for name in sorted(before) if now.get(name, before[name]) != before[name]),
        ]


def inventory_of(chain: Chain) -> Inventory:
    """Asks all four systems; raises what their clients do."""
    keepers = (chain.postgres, chain.connect, chain.kafka, chain.clickhouse)
    return Inventory({name: definition for keeper in keepers for name, definition in keeper.kept().items()})
