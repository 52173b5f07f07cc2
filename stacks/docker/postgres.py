"""PostgreSQL in a container, as the official image takes it: settings on the command line, the password from a file."""

import pulumi

from stacks.docker.part import DockerPart

_PASSWORD_FILE = "/etc/throughline/postgres.password"  # noqa: S105  where it is, not what
_SETTINGS = {
    "wal_level": "logical",
    "max_wal_senders": "16",
    "max_replication_slots": "16",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def postgres(image: str, password: pulumi.Input[str]) -> DockerPart:
    """The stack's only server; its superuser is `postgres`."""
    return DockerPart(
        name="postgres",
        image=image,
        port=5432,
        memory_mb=1024,
        data="/var/lib/postgresql",
        environment={"POSTGRES_PASSWORD_FILE": _PASSWORD_FILE},
        files={_PASSWORD_FILE: password},
        command=["postgres", *(word for key, value in _SETTINGS.items() for word in ("-c", f"{key}={value}"))],
        # By TCP: while the image initializes its data, a server answers on the socket alone.
        ready=["pg_isready", "--quiet", "--host=127.0.0.1", "--username=postgres"],
    )
