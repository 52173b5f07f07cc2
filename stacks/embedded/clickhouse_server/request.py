"""A request as ClickHouse's HTTP interface reads it: who asks, in which session, with which settings and parameters.

URL parameters (and fields of a form, which say the same) are one of three things: words of the interface itself,
`param_…` for the query's parameters, and settings of the query. Headers may give the user, the database and the
format instead.
"""

import base64
import binascii
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from stacks.embedded.clickhouse_server.config import PasswordHash, UserName
from stacks.embedded.clickhouse_server.errors import (
    AUTHENTICATION_FAILED,
    BAD_ARGUMENTS,
    INVALID_SESSION_TIMEOUT,
    NOT_IMPLEMENTED,
    SET_NON_GRANTED_ROLE,
    UNKNOWN_FORMAT,
    clickhouse_error,
)

MAX_SESSION_TIMEOUT = 3600
DEFAULT_SESSION_TIMEOUT = 60
RESULT_BUFFER = 1 << 20
"""Bytes of a result that are held back, so that an error in them is told by the status (ClickHouse's default)."""

_WORDS_OF_THE_INTERFACE = """
    query database default_format user password quota_key query_id role stacktrace close_session session_id
    session_timeout session_check compress decompress client_protocol_version buffer_size wait_end_of_query
    enable_http_compression http_zlib_compression_level send_progress_in_http_headers
    http_headers_progress_interval_ms http_wait_end_of_query http_response_buffer_size
    cancel_http_readonly_queries_on_client_close readonly
"""
_OF_THE_INTERFACE = frozenset(_WORDS_OF_THE_INTERFACE.split())
_NAME = re.compile(r"[A-Za-z0-9_]+")
_NOBODY = PasswordHash(password_sha256="0" * 64)


@dataclass(frozen=True)
class SessionWish:
    """What a request says of its session."""

    id: str
    timeout: float
    must_exist: bool
    close: bool


@dataclass(frozen=True)
class Request:
    """All that a request says apart from its body."""

    user: UserName
    query: bytes
    query_id: str
    database: str | None
    default_format: str
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    session: SessionWish | None
    read_only: int
    """0, or ClickHouse's `readonly`: 1 forbids changes of data and settings, 2 (as GET implies) of data only."""
    by_get: bool
    protocol_version: int
    wait_for_end: bool
    result_buffer: int
    compress_result: bool


def fields_of(query_string: bytes) -> dict[str, str]:
    """The parameters of a URL. What is not UTF-8 is kept as surrogates; `encoded` gives the bytes back."""
    pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
    return dict(pairs)


def encoded(text: str) -> bytes:
    """The bytes that a field held."""
    return text.encode(errors="surrogateescape")


def authenticated(
    users: Mapping[UserName, PasswordHash], headers: Mapping[str, str], fields: Mapping[str, str]
) -> UserName:
    """The user who asks: by Authorization, X-ClickHouse-User and -Key, or user= and password=. Else error 516."""
    claimed, password = _credentials(headers, fields)
    for user, known in users.items():
        if user == claimed and known.matches(password):
            return user
    _NOBODY.matches(password)
    told = f"{claimed}: Authentication failed: password is incorrect, or there is no user with such name."
    raise clickhouse_error(AUTHENTICATION_FAILED, told)


def read(user: UserName, method: str, headers: Mapping[str, str], fields: Mapping[str, str]) -> Request:
    """The request's meaning; ClickHouse's error for what it may not or cannot ask."""
    if "role" in fields:
        raise clickhouse_error(SET_NON_GRANTED_ROLE, f"{user} has its role for good: role= is not allowed.")
    for block_compression in ("compress", "decompress"):
        if _flag(fields, block_compression):
            told = f"{block_compression}=1, ClickHouse's own block compression, is not supported;"
            raise clickhouse_error(NOT_IMPLEMENTED, f"{told} use Content-Encoding or Accept-Encoding.")
    by_get = method != "POST"
    settings = {
        name: value for name, value in fields.items() if name not in _OF_THE_INTERFACE and not name.startswith("param_")
    }
    return Request(
        user=user,
        query=encoded(fields.get("query", "")),
        query_id=fields.get("query_id") or str(uuid.uuid4()),
        database=fields.get("database") or headers.get("x-clickhouse-database") or None,
        default_format=_format(fields.get("default_format") or headers.get("x-clickhouse-format") or "TabSeparated"),
        parameters={
            name.removeprefix("param_"): _escaped(value) for name, value in fields.items() if name.startswith("param_")
        },
        settings=settings,
        session=_session(fields),
        read_only=_number(fields, "readonly", 0) or (2 if by_get else 0),
        by_get=by_get,
        protocol_version=_number(fields, "client_protocol_version", 0),
        wait_for_end=_flag(fields, "wait_end_of_query") or _flag(fields, "http_wait_end_of_query"),
        result_buffer=_number(fields, "buffer_size", _number(fields, "http_response_buffer_size", RESULT_BUFFER)),
        compress_result=_flag(fields, "enable_http_compression"),
    )


def _escaped(value: str) -> str:
    """A parameter's value, which is escaped text by definition, with bytes that are not UTF-8 escaped as well."""
    return encoded(value).decode(errors="backslashreplace")


def _session(fields: Mapping[str, str]) -> SessionWish | None:
    if not fields.get("session_id"):
        return None
    timeout = _number(fields, "session_timeout", DEFAULT_SESSION_TIMEOUT)
    if timeout > MAX_SESSION_TIMEOUT:
        told = f"Session timeout '{timeout}' is larger than max_session_timeout: {MAX_SESSION_TIMEOUT}."
        raise clickhouse_error(INVALID_SESSION_TIMEOUT, told)
    return SessionWish(fields["session_id"], timeout, _flag(fields, "session_check"), _flag(fields, "close_session"))


def _credentials(headers: Mapping[str, str], fields: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user, password
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return headers.get("x-clickhouse-user", "default"), headers.get("x-clickhouse-key", "")
    return fields.get("user", "default"), fields.get("password", "")


def _format(name: str) -> str:
    """A format's name, which becomes part of a statement and so may be nothing else."""
    if not _NAME.fullmatch(name):
        raise clickhouse_error(UNKNOWN_FORMAT, f"Unknown format {name}.")
    return name


def _flag(fields: Mapping[str, str], name: str) -> bool:
    return fields.get(name, "0").lower() in ("1", "true")


def _number(fields: Mapping[str, str], name: str, default: int) -> int:
    text = fields.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise clickhouse_error(BAD_ARGUMENTS, f"Invalid {name}: '{text}'. A whole number is wanted.")
    return int(text)
