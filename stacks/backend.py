"""What a backend hands to the pipeline: its four systems, what identifies their data, and how one gets into them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pulumi

USERS: Mapping[str, str] = {
    "postgres_admin": "postgres",
    "postgres_owner": "experiments_owner",
    "postgres_replication": "experiments_replication",
    "postgres_application": "experiments_application",
    "clickhouse_admin": "admin",
    "clickhouse_ingestion": "ingestion",
    "clickhouse_analyst": "analyst",
}
"""Who has which role in a stack of ours, by the name of the password."""


@dataclass(frozen=True)
class Address:
    """Where a system listens; `scheme` and `path` are for those that speak HTTP."""

    host: pulumi.Output[str]
    port: pulumi.Output[str]
    scheme: str = "http"
    path: str = ""

    @property
    def text(self) -> pulumi.Output[str]:
        """host:port"""
        return pulumi.Output.concat(self.host, ":", self.port)

    @property
    def url(self) -> pulumi.Output[str]:
        """scheme://host:port/path"""
        return pulumi.Output.concat(f"{self.scheme}://", self.text, self.path)


@dataclass(frozen=True)
class System:
    """One system that stands; `identity` changes when its data are made anew, and what lives in it then follows.

    Whoever drives the stack reaches it at `address`, the stack's other systems at `inner_address`. `access` is what a
    client needs beside that and a role's password, under the names of the endpoint's fields. One that is not `ours`
    outlives the stack. A system of several has its first one's addresses, and `several` are all of them; a member's
    identity is that of its own data. `needs` are what must stand beside it.
    """

    resource: pulumi.Resource
    identity: pulumi.Output[str]
    address: Address
    inner_address: Address
    access: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    ours: bool = True
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
        """The URL of each member, with commas between them."""
        return _listed(member.address.url for member in self.members)

    @property
    def inner_addresses(self) -> pulumi.Output[str]:
        """host:port of each member for the stack's other systems, with commas between them."""
        return _listed(member.inner_address.text for member in self.members)

    def inside(self, *others: pulumi.Resource, holds_data: bool = True) -> pulumi.ResourceOptions:
        """Options of a resource that lives in this system: it need not be deleted where the whole system is.

        Where the system outlives the stack, what `holds_data` stays in it, and nothing else.
        """
        standing = [member.resource for member in self.members]
        return pulumi.ResourceOptions(
            deleted_with=self.resource if self.ours else None,
            retain_on_delete=holds_data and not self.ours,
            depends_on=[*standing, *self.needs, *others],
        )


def _listed(texts: Iterable[pulumi.Output[str]]) -> pulumi.Output[str]:
    return pulumi.Output.all(*texts).apply(",".join)


@dataclass(frozen=True)
class Systems:
    """The four of them, with who has which role there (`users`, by the names of `passwords`).

    `replication_password` is how the connector names its password, without containing it where that can be.
    """

    postgres: System
    kafka: System
    connect: System
    clickhouse: System
    passwords: pulumi.Output[dict[str, str]]
    replication_password: pulumi.Output[str]
    users: Mapping[str, str] = field(default_factory=lambda: USERS)
