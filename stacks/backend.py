"""What a backend hands to the pipeline: where its four systems are, what identifies their data, and their passwords."""

from collections.abc import Iterable
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

    Whoever drives the stack reaches it at `address`, the stack's other systems at `inner_address`. A system of several
    has its first one's, and `several` are all of them; a member's identity is that of its own data. `needs` are what
    must stand beside it.
    """

    resource: pulumi.Resource
    identity: pulumi.Output[str]
    address: Address
    inner_address: Address
    several: tuple["System", ...] = ()
    needs: tuple[pulumi.Resource, ...] = ()

    @property
    def members(self) -> tuple["System", ...]:
        """The servers that it consists of."""
        return self.several or (self,)

    @property
    def addresses(self) -> pulumi.Output[str]:
        """host:port of each member, with commas between them."""
        return _listed(member.address.text for member in self.members)

    @property
    def urls(self) -> pulumi.Output[str]:
        """http://host:port of each member, with commas between them."""
        return _listed(member.address.url for member in self.members)

    @property
    def inner_addresses(self) -> pulumi.Output[str]:
        """The same, for the stack's other systems."""
        return _listed(member.inner_address.text for member in self.members)

    def inside(self, *others: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of a resource that lives in this system: it need not be deleted where the whole system is."""
        standing = [member.resource for member in self.members]
        return pulumi.ResourceOptions(deleted_with=self.resource, depends_on=[*standing, *self.needs, *others])


def _listed(texts: Iterable[pulumi.Output[str]]) -> pulumi.Output[str]:
    return pulumi.Output.all(*texts).apply(",".join)


@dataclass(frozen=True)
class Systems:
    """The four of them. `replication_password` is how the connector names its password without containing it."""

    postgres: System
    kafka: System
    connect: System
    clickhouse: System
    passwords: pulumi.Output[dict[str, str]]
    replication_password: pulumi.Output[str]
