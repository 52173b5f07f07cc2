"""Where a stack's systems are and with which credentials: the only thing that a test has to know of a stack.

Each system names the user that an application or an analyst would connect as; `users` holds every user of it
(PostgreSQL: admin, owner, replication, application; ClickHouse: admin, ingestion, analyst) with its password.
"""

from typing import Annotated, Any
from urllib.parse import quote, urlencode, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainSerializer,
    SecretStr,
    computed_field,
    field_serializer,
    model_validator,
)


class _Endpoint(BaseModel):
    model_config = ConfigDict(frozen=True)


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


def _masked(value: SecretStr | None, info: Any) -> str | None:
    if value is None:
        return None
    return reveal(value) if (info.context or {}).get("show_secrets") else MASK


Password = Annotated[SecretStr, PlainSerializer(_masked, when_used="json")]
"""A password that `as_json` shows only if asked to."""


class Credentials(_Endpoint):
    """A user of a system and its password."""

    user: str
    password: Password


def postgres_uri(user: str, password: str, address: str, database: str, **parameters: str | None) -> str:
    """A libpq URI; `address` is host:port, and `parameters` (sslmode, sslrootcert) that are None are left out."""
    given = urlencode({key: value for key, value in parameters.items() if value is not None})
    who = f"{quote(user, safe='')}:{quote(password, safe='*')}"
    return f"postgresql://{who}@{address}/{quote(database, safe='')}{'?' if given else ''}{given}"


class PostgresEndpoint(Credentials):
    """PostgreSQL as the application sees it; `sslmode` and `sslrootcert` are libpq's."""

    host: str
    port: int
    database: str
    users: dict[str, Credentials]
    sslmode: str | None = None
    sslrootcert: str | None = None

    def dsn_of(self, role: str) -> SecretStr:
        """A libpq URI for one of `users`, by its role in the stack ("admin", "owner", …)."""
        return SecretStr(self._dsn(self.users[role], show=True))

    def _dsn(self, who: Credentials, *, show: bool) -> str:
        password = reveal(who.password) if show else MASK
        where = f"{self.host}:{self.port}"
        return postgres_uri(
            who.user, password, where, self.database, sslmode=self.sslmode, sslrootcert=self.sslrootcert
        )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def dsn(self) -> SecretStr:
        """The application's libpq URI."""
        return SecretStr(self._dsn(self, show=True))

    @field_serializer("dsn", when_used="json")
    def _masked_dsn(self, _: SecretStr, info: Any) -> str:
        return self._dsn(self, show=bool((info.context or {}).get("show_secrets")))


class KafkaSecurity(_Endpoint):
    """How a client gets into Kafka, in librdkafka's words ("SASL_SSL", "SCRAM-SHA-256"); `ca_file` is PEM."""

    protocol: str
    mechanism: str | None = None
    username: str | None = None
    password: Password | None = None
    ca_file: str | None = None


class KafkaEndpoint(_Endpoint):
    """Kafka and the topic of the outbox; without `security` it is open to whoever reaches it."""

    bootstrap: str
    """host:port of each broker, with commas between them."""
    topic: str
    security: KafkaSecurity | None = None

    def client_settings(self) -> dict[str, Any]:
        """What every client of librdkafka needs to get in; it holds the password."""
        if self.security is None:
            return {"bootstrap.servers": self.bootstrap}
        settings = {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": self.security.protocol,
            "sasl.mechanism": self.security.mechanism,
            "sasl.username": self.security.username,
            "sasl.password": reveal(self.security.password) if self.security.password else None,
            "ssl.ca.location": self.security.ca_file,
        }
        return {key: value for key, value in settings.items() if value is not None}


class ConnectEndpoint(_Servers):
    """Kafka Connect's REST API, of which every worker has one, and the connector's name.

    `user` and `password` are for HTTP's basic authentication.
    """

    connector: str
    user: str | None = None
    password: Password | None = None
    ca_file: str | None = None


class ClickHouseEndpoint(Credentials, _Servers):
    """ClickHouse over HTTP as an analyst sees it; `host` and `port` are those of `url`.

    `url` tells whether it is HTTPS, held against `ca_file` if given.
    """

    host: str
    port: int
    database: str
    users: dict[str, Credentials]
    ca_file: str | None = None

    @property
    def is_replicated(self) -> bool:
        """Whether there are several servers, each with all rows, sooner or later."""
        return len(self.urls) > 1

    def at(self, url: str) -> "ClickHouseEndpoint":
        """The same with `url`, one of `urls`, as the server to ask."""
        where = urlsplit(url)
        return self.model_copy(update={"url": url, "host": where.hostname, "port": where.port})


class Endpoints(_Endpoint):
    """All of a stack's endpoints, as `throughline endpoints --json` prints them.

    `abilities` are what may be done to the stack's parts beside using them, such as "kill"; the backend grants them.
    """

    stack: str
    backend: str = ""
    abilities: tuple[str, ...] = ()
    postgres: PostgresEndpoint
    kafka: KafkaEndpoint
    connect: ConnectEndpoint
    clickhouse: ClickHouseEndpoint

    def as_json(self, *, show_secrets: bool = False) -> str:
        """One JSON object; passwords are masked unless asked for."""
        return self.model_dump_json(indent=2, context={"show_secrets": show_secrets})
