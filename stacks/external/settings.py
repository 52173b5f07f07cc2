"""What the user tells of systems that run elsewhere: by the stack's config or, where that is silent, the environment.

The variables are those that the systems' own clients read, where there are such (libpq's PGHOST and so on).
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from pipeline_lib.model.endpoints import reveal
from pipeline_lib.model.errors import UserError
from stacks.config import StackConfig, is_secret

VARIABLES: Mapping[str, str] = {
    "postgres.host": "PGHOST",
    "postgres.port": "PGPORT",
    "postgres.user": "PGUSER",
    "postgres.password": "PGPASSWORD",
    "postgres.sslMode": "PGSSLMODE",
    "postgres.sslRootCert": "PGSSLROOTCERT",
    "postgres.ownerUser": "POSTGRES_OWNER_USER",
    "postgres.ownerPassword": "POSTGRES_OWNER_PASSWORD",
    "postgres.applicationUser": "POSTGRES_APPLICATION_USER",
    "postgres.applicationPassword": "POSTGRES_APPLICATION_PASSWORD",
    "kafka.bootstrap": "KAFKA_BOOTSTRAP_SERVERS",
    "kafka.securityProtocol": "KAFKA_SECURITY_PROTOCOL",
    "kafka.saslMechanism": "KAFKA_SASL_MECHANISM",
    "kafka.user": "KAFKA_SASL_USERNAME",
    "kafka.password": "KAFKA_SASL_PASSWORD",
    "kafka.caFile": "KAFKA_SSL_CA_LOCATION",
    "connect.url": "CONNECT_URL",
    "connect.user": "CONNECT_USER",
    "connect.password": "CONNECT_PASSWORD",
    "connect.caFile": "CONNECT_CA_FILE",
    "clickhouse.url": "CLICKHOUSE_URL",
    "clickhouse.user": "CLICKHOUSE_USER",
    "clickhouse.password": "CLICKHOUSE_PASSWORD",
    "clickhouse.analystUser": "CLICKHOUSE_ANALYST_USER",
    "clickhouse.analystPassword": "CLICKHOUSE_ANALYST_PASSWORD",
    "clickhouse.caFile": "CLICKHOUSE_CA_FILE",
}
"""Each key of the config with the variable that stands in for it."""

_REQUIRED = (
    *("postgres.host", "postgres.user", "postgres.password", "kafka.bootstrap"),
    *("connect.url", "clickhouse.url", "clickhouse.user", "clickhouse.password"),
)
_TOGETHER = (
    *("postgres.owner", "postgres.application", "connect.", "clickhouse.analyst"),  # a user and a password
)


def settings_of(config: StackConfig, environment: Mapping[str, str]) -> dict[str, str]:
    """What is known of each key of `VARIABLES`; raises UserError, which tells of all that is missing at once."""
    sections = config.model_dump(by_alias=True)
    known = {}
    for key, variable in VARIABLES.items():
        part, name = key.split(".")
        value = sections[part][name]
        text = reveal(value) if isinstance(value, SecretStr) else value
        if chosen := str(text) if text is not None else environment.get(variable):
            known[key] = chosen
    _require_all(known)
    for key in ("postgres.sslRootCert", "kafka.caFile", "connect.caFile", "clickhouse.caFile"):
        if key in known:
            known[key] = _existing(key, known[key])
    return known


def url_of(known: Mapping[str, str], key: str, *, path: bool) -> SplitResult:
    """The URL that `key` is set to, with its port; raises UserError if it is none, or has what it should not."""
    text = known[key]
    try:
        url = urlsplit(text)
        standard = {"http": 80, "https": 443}[url.scheme]
        port = url.port or standard
    except (ValueError, KeyError):
        url, port = urlsplit(""), 0
    if not url.hostname or url.username or url.query or (url.path.rstrip("/") and not path):
        raise UserError(
            f"{key} ({VARIABLES[key]}) is not a URL such as https://name:8443: it wants http or https and a host, and "
            "user and password under keys of their own."
        )
    return url._replace(netloc=f"{url.hostname}:{port}", path=url.path.rstrip("/"))


def _require_all(known: Mapping[str, str]) -> None:
    required = [*_REQUIRED]
    for stem in _TOGETHER:
        user, password = (f"{stem}{name if stem.endswith('.') else name.title()}" for name in ("user", "password"))
        if user in known or password in known:
            required += [user, password]
    if known.get("kafka.securityProtocol", "").startswith("SASL"):
        required += ["kafka.saslMechanism", "kafka.user", "kafka.password"]
    elif "kafka.user" in known or "kafka.password" in known:
        required += ["kafka.securityProtocol"]
    missing = [key for key in required if key not in known]
    if missing:
        told = ", ".join(f"{key} ({VARIABLES[key]})" for key in missing)
        secret = next((key for key in missing if is_secret(key)), None)
        also = f", a password with `pulumi config set --secret --path {secret}`" if secret else ""
        plain = next((key for key in missing if not is_secret(key)), "KEY")
        raise UserError(
            f"An external stack has to be told where its systems are and how to get in, and is not told {told}. Set "
            f"each in the stack's config, as with `pulumi config set --path {plain} VALUE`{also}, or in the "
            "environment, by the name in brackets."
        )


def _existing(key: str, text: str) -> str:
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise UserError(
            f"{key} ({VARIABLES[key]}) names the file {path}, which is not there. It is to hold the certificate, in "
            "PEM, of the authority that the system's own is signed by."
        )
    return str(path)
