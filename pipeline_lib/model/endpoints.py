"""Where a stack's systems are and with which credentials: the only thing that a test has to know of a stack.

Each system names the user that an application or an analyst would connect as; `users` holds every user of it
(PostgreSQL: admin, owner, replication, application; ClickHouse: admin, ingestion, analyst) with its password.
"""

from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, computed_field, field_serializer, model_validator


class _Endpoint(BaseModel):
    model_config = ConfigDict(frozen=True)


class Credentials(_Endpoint):
    """A user of a system and its password."""

    user: str
    password: SecretStr

    @field_serializer("password", when_used="json")
    def _masked(self, value: SecretStr, info: Any) -> str:
        return reveal(value) if (info.context or {}).get("show_secrets") else MASK


MASK = "********"


def reveal(secret: SecretStr) -> str:
    """The secret's text; every place that shows one calls this, so that they can be found."""
    return secret.get_secret_value()


class _Servers(_Endpoint):
    """A system of one server or several: `urls` are all of them, the first is `url`."""

    url: str
    urls: tuple[str, ...]

    @model_validator(mode="before")
    @classmethod
    def _alone(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"urls": [given["url"]], **given} if "url" in given else given


class PostgresEndpoint(Credentials):
    """PostgreSQL as the application sees it."""

    host: str
    port: int
    database: str
    users: dict[str, Credentials]

    def dsn_of(self, role: str) -> SecretStr:
        """A libpq URI for one of `users`, by its role in the stack ("admin", "owner", …)."""
        return SecretStr(self._dsn(self.users[role], show=True))

    def _dsn(self, who: Credentials, *, show: bool) -> str:
        password = reveal(who.password) if show else MASK
        return f"postgresql://{who.user}:{password}@{self.host}:{self.port}/{self.database}"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def dsn(self) -> SecretStr:
        """The application's libpq URI."""
        return SecretStr(self._dsn(self, show=True))

    @field_serializer("dsn", when_used="json")
    def _masked_dsn(self, _: SecretStr, info: Any) -> str:
        return self._dsn(self, show=bool((info.context or {}).get("show_secrets")))


class KafkaEndpoint(_Endpoint):
    """Kafka and the topic of the outbox."""

    bootstrap: str
    """host:port of each broker, with commas between them."""
    topic: str


class ConnectEndpoint(_Servers):
    """Kafka Connect's REST API, of which every worker has one, and the connector's name."""

    connector: str


class ClickHouseEndpoint(Credentials, _Servers):
    """ClickHouse over HTTP as an analyst sees it; `host` and `port` are those of `url`."""

    host: str
    port: int
    database: str
    users: dict[str, Credentials]

    @property
    def is_replicated(self) -> bool:
        """Whether there are several servers, each with all rows, sooner or later."""
        return len(self.urls) > 1

    def at(self, url: str) -> "ClickHouseEndpoint":
        """The same with `url`, one of `urls`, as the server to ask."""
        where = urlsplit(url)
        return self.model_copy(update={"url": url, "host": where.hostname, "port": where.port})


class Endpoints(_Endpoint):
    """All of a stack's endpoints, as `throughline endpoints --json` prints them."""

    stack: str
    postgres: PostgresEndpoint
    kafka: KafkaEndpoint
    connect: ConnectEndpoint
    clickhouse: ClickHouseEndpoint

    def as_json(self, *, show_secrets: bool = False) -> str:
        """One JSON object; passwords are masked unless asked for."""
        return self.model_dump_json(indent=2, context={"show_secrets": show_secrets})
