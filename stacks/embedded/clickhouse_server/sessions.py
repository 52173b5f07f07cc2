"""Sessions: connections that outlive a request, with their temporary tables, settings and current database.

A session belongs to a user: the same id of another user is another session. One request at a time is in it (373 for a
second one), and after `timeout` seconds without one it is gone. What a request sets for itself (settings,
`database=`) is taken back before the session is let go, so that only SET and USE statements last.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from stacks.embedded.clickhouse_server.config import UserName
from stacks.embedded.clickhouse_server.engine import Connection
from stacks.embedded.clickhouse_server.errors import SESSION_IS_LOCKED, SESSION_NOT_FOUND, clickhouse_error


@dataclass(eq=False)
class Session:
    """A connection and what has to be known to put it back as it was."""

    connection: Connection
    database: str
    timeout: float
    last_used: float = 0.0
    in_use: bool = False
    has_state: bool = False
    """Whether a request has left something in it (SET, a temporary table) that a new connection would lack."""
    settings: dict[str, str] | None = field(default=None)
    """The values of all settings, once they are needed; None again after a SET."""
    broken: bool = False


class Sessions:
    """All sessions of the process."""

    def __init__(self, connect: Callable[[UserName], Connection], database: str) -> None:
        self._connect = connect
        self._database = database
        self._lock = threading.Lock()
        self._sessions: dict[tuple[UserName, str], Session] = {}

    @contextmanager
    def entered(
        self, user: UserName, session_id: str, timeout: float, *, must_exist: bool, close: bool
    ) -> Iterator[Session]:
        """The session, for one request; made if it is new and need not exist, ended afterwards if asked to."""
        key = (user, session_id)
        session = self._enter(key, timeout, must_exist)
        try:
            yield session
        finally:
            self._leave(key, session, close or session.broken)

    def _enter(self, key: tuple[UserName, str], timeout: float, must_exist: bool) -> Session:
        self.expire()
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                if must_exist:
                    raise clickhouse_error(SESSION_NOT_FOUND, f"Session {key[1]} not found.")
                session = self._sessions[key] = Session(self._connect(key[0]), self._database, timeout)
            if session.in_use:
                raise clickhouse_error(SESSION_IS_LOCKED, f"Session {key[1]} is locked by a concurrent client.")
            session.in_use = True
            session.timeout = timeout
            return session

    def _leave(self, key: tuple[UserName, str], session: Session, close: bool) -> None:
        with self._lock:
            session.last_used = time.monotonic()
            session.in_use = False
            if close:
                del self._sessions[key]
        if close:
            session.connection.close()

    def expire(self) -> None:
        """Ends the sessions whose time is over."""
        with self._lock:
            now = time.monotonic()
            over = [key for key, one in self._sessions.items() if not one.in_use and now - one.last_used > one.timeout]
            ended = [self._sessions.pop(key) for key in over]
        for session in ended:
            session.connection.close()
