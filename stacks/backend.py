"""What a backend hands to the pipeline: where its four systems are, what identifies their data, and their passwords."""

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class Address:
    """Where a system listens."""

    host: pulumi.Output[str]
    port: pulumi.Output[str]

    @property
    def text(self) -> pulumi.Output[str]:
        """host:port"""
        return pulumi.Output.concat(self.host, ":", self.port)

    @property
    def url(self) -> pulumi.Output[str]:
        """http://host:port"""
        return pulumi.Output.concat("http://", self.text)


@dataclass(frozen=True)
class System:
    """One system that stands; `identity` changes when its data are made anew, and what lives in it then follows.

    Whoever drives the stack reaches it at `address`, the stack's other systems at `inner_address`.
    """

    resource: pulumi.Resource
    identity: pulumi.Output[str]
    address: Address
    inner_address: Address

    def inside(self, *others: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of a resource that lives in this system: it need not be deleted where the whole system is."""
        return pulumi.ResourceOptions(deleted_with=self.resource, depends_on=[self.resource, *others])


@dataclass(frozen=True)
class Systems:
    """The four of them. `replication_password` is how the connector names its password without containing it."""

    postgres: System
    kafka: System
    connect: System
    clickhouse: System
    passwords: pulumi.Output[dict[str, str]]
    replication_password: pulumi.Output[str]
