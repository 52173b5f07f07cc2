"""The configuration file: who may connect, where the data is, how much the engine may use.

The shape is told in the package's docstring. It holds no password, only SHA-256 over salt and password.
"""

import hashlib
import hmac
import re
import secrets
import stat
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline_lib.model.errors import UserError

UserName = Literal["admin", "ingestion", "analyst"]

_ObjectName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_Hex = Annotated[str, Field(pattern=r"^[0-9a-f]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PasswordHash(_Part):
    """SHA-256 over the salt's bytes followed by the password's."""

    salt: _Hex = ""
    password_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    def matches(self, password: str) -> bool:
        """Whether this is the password; takes the same time whatever the answer."""
        return hmac.compare_digest(_digest(self.salt, password), self.password_sha256)


class Config(_Part):
    """What the process was told; see the package's docstring."""

    path: Path
    port: int = Field(ge=1, le=65535)
    certificate: Path | None = None
    database: _ObjectName = "experiments"
    threads: int = Field(default=2, ge=1)
    concurrent_queries: int = Field(default=16, ge=1)
    max_memory_bytes: int = Field(default=3_000_000_000, ge=500_000_000)
    kafka: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], str | int] = {}
    users: dict[UserName, PasswordHash]
    ingestion_tables: tuple[_ObjectName, ...] | None = None
    analyst_tables: tuple[_ObjectName, ...] = ()

    @field_validator("path")
    @classmethod
    def _plain_absolute_path(cls, path: Path) -> Path:
        if not path.is_absolute() or re.search(r"[?&#%\n]", str(path)):
            raise ValueError("must be absolute and without ? & # %: chDB reads those as options")
        return path


def password_hash(password: str) -> dict[str, str]:
    """A user's entry for the configuration file, with a new salt."""
    salt = secrets.token_hex(16)
    return {"salt": salt, "password_sha256": _digest(salt, password)}


def load(file: Path) -> Config:
    """The configuration in `file`.

    UserError if it cannot be read, can be read by others, or does not say what it should.
    """
    try:
        mode = file.stat().st_mode
        text = file.read_text()
    except OSError as error:
        raise UserError(f"The configuration {file} cannot be read: {error.strerror}.") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"The configuration {file} can be read by others; make it yours alone (chmod 600 {file}).")
    try:
        return Config.model_validate_json(text)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors(include_input=False)
        )
        known = ", ".join(Config.model_fields)
        raise UserError(f"The configuration {file} is wrong ({wrong}). Known keys: {known}.") from None


def _digest(salt: str, password: str) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + password.encode()).hexdigest()
