"""Kafka Connect: the connector's state, the trace of a failure, and how far in the WAL it is.

Connect's REST API: https://kafka.apache.org/documentation/#connect_rest. A connector commits its offset only every
`offset.flush.interval.ms`; what it has published meanwhile tells of its position too, by the LSN in the envelopes. So
the hop is asked together with the topic that the connector writes to.
"""

import json
import ssl
import time
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import httpx
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from pipeline_lib.hops.kafka import fields_of
from pipeline_lib.hops.postgres import Capture
from pipeline_lib.hops.protocol import Obstacle, Readiness
from pipeline_lib.hops.servers import first_answering
from pipeline_lib.hops.tail import Tail, TopicMessage
from pipeline_lib.model.endpoints import ConnectEndpoint, reveal
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import Lsn
from pipeline_lib.model.sighting import Sighting

TIMEOUT_S = 5
REBALANCE_S = 30
OFFSET_PERIOD_S = 1
"""How often the committed offset is asked for: it is committed more rarely."""
_PASSING = (HTTPStatus.CONFLICT, *(status for status in HTTPStatus if status >= HTTPStatus.INTERNAL_SERVER_ERROR))
"""CONFLICT is Connect's word for a rebalance."""


class Connect:
    """The second hop; raises UserError where Connect is not there or does not know the connector."""

    name = "connect"

    def __init__(self, endpoint: ConnectEndpoint, published: Tail) -> None:
        self._published = published
        self._position: tuple[Lsn, ...] = ()
        self._offset_asked_at = float("-inf")
        self._url = first_answering(endpoint.urls)
        self._connector = endpoint.connector
        self._client = httpx.Client(
            base_url=f"{self._url.rstrip('/')}/connectors/{endpoint.connector}",
            timeout=TIMEOUT_S,
            trust_env=False,
            auth=(endpoint.user, reveal(endpoint.password)) if endpoint.user and endpoint.password else None,
            verify=ssl.create_default_context(cafile=endpoint.ca_file) if endpoint.ca_file else True,
        )
        try:
            self.status()
        except httpx.TransportError as error:
            raise UserError(
                f"Connect at {self._url} does not answer: {error}. See `throughline status`; `throughline up` mends "
                "a stack."
            ) from None

    def _get(self, path: str) -> Any:
        """The answer's JSON; None if Connect does not know the connector. Raises UserError if it does not let us in."""
        answer = self._client.get(path)
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise UserError(
                f"Connect at {self._url} does not let us in ({answer.status_code} {answer.reason_phrase}): the user or "
                "the password is not right. `throughline endpoints` shows both; `throughline up` mends a stack."
            )
        return None if answer.status_code == HTTPStatus.NOT_FOUND else answer.raise_for_status().json()

    def _known(self, path: str) -> Any:
        """As `_get`; raises UserError if Connect does not know the connector."""
        answer = self._get(path)
        if answer is None:
            raise UserError(
                f"Connect at {self._url} has no connector {self._connector}. `throughline up` puts it back."
            )
        return answer

    def status(self) -> Mapping[str, Any]:
        """The states of connector and tasks; raises UserError if Connect does not know the connector."""
        status: Mapping[str, Any] = self._known("/status")
        return status

    def capture(self) -> Capture:
        """What the connector reads PostgreSQL through; raises UserError if Connect does not know the connector."""
        config = self._known("/config")
        return Capture(config.get("slot.name", "debezium"), config.get("publication.name", "dbz_publication"))

    def may_pass(self, error: BaseException) -> bool:
        """A worker that is not there just now, or is busy with a rebalance."""
        if isinstance(error, httpx.HTTPStatusError):
            return error.response.status_code in _PASSING
        return isinstance(error, httpx.TransportError)

    def ready(self) -> Readiness:
        """Ready when the connector and its task are RUNNING."""
        status = self.status()
        states = [status["connector"]["state"], *(task["state"] for task in status["tasks"])]
        return Readiness(
            len(states) > 1 and set(states) == {"RUNNING"}, f"connector {states[0]}, tasks {', '.join(states[1:])}"
        )

    def obstacle(self) -> Obstacle | None:
        """A connector that is not there, that was paused or stopped, or that has FAILED, as has its task."""
        status = self._get("/status")
        if status is None:
            return Obstacle(self.name, "gone", f"there is no connector {self._connector}")
        failed = [part for part in (status["connector"], *status["tasks"]) if part["state"] == "FAILED"]
        if failed:
            traces = (_told(str(part.get("trace", "without a trace"))) for part in failed)
            return Obstacle(self.name, "failed", "the connector has FAILED:\n" + "\n".join(traces))
        state = status["connector"]["state"]
        if state in ("PAUSED", "STOPPED"):
            return Obstacle(self.name, "paused", f"the connector {self._connector} is {state}")
        return None

    def committed_offset(self) -> tuple[Lsn, ...]:
        """The LSN from which the connector would go on after a restart; none before its first offset."""
        told = self._get("/offsets") or {"offsets": []}
        offsets = [entry["offset"] for entry in told["offsets"] if entry["offset"]]
        known = [offset.get("lsn_proc") or offset.get("lsn") for offset in offsets]
        return tuple(Lsn(lsn) for lsn in known if lsn is not None)

    def position(self) -> tuple[Lsn, ...]:
        """The LSN up to which it has processed the WAL: committed, or that of the last change it has published."""
        published = self._published.last_lsn()
        now = time.monotonic()
        # What is new in the topic tells of its way without a call: it is committed later.
        if published <= self._position and now - self._offset_asked_at > OFFSET_PERIOD_S:
            self._offset_asked_at = now
            self._position = max(self._position, self.committed_offset())
        self._position = max(self._position, published)
        return self._position

    def sightings(self, committed: Sequence[Committed], users: Collection[str]) -> list[Sighting]:  # noqa: ARG002  the protocol's
        """What it has published of these messages, as it wrote it, with the LSN and the time at which it read them.

        What the topic holds beside them nobody knows to be the connector's.
        """
        known = {message.outbox_id for message in committed}
        return [
            sighting_of(message)
            for message in self._published.find([message.id for message in committed])
            if message.envelope is not None and message.envelope.outbox_id in known
        ]

    def call(self, method: str, path: str = "", json: Any = None, connector: str | None = None) -> Any:
        """A call about a connector, the pipeline's unless another is named; raises httpx.HTTPError.

        It waits while Connect is busy with a rebalance.
        """
        url = f"{self._url.rstrip('/')}/connectors/{connector or self._connector}{path}"
        calls = Retrying(
            retry=retry_if_result(lambda answer: answer.status_code == HTTPStatus.CONFLICT),
            wait=wait_fixed(0.1),
            stop=stop_after_delay(REBALANCE_S),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        answer: httpx.Response = calls(self._client.request, method, url, json=json, timeout=REBALANCE_S)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def kept(self) -> Mapping[str, str]:
        """All connectors, with their configs."""
        answer = self._client.get(f"{self._url.rstrip('/')}/connectors", params={"expand": "info"}).raise_for_status()
        return {
            f"connector {name}": json.dumps(known["info"]["config"], sort_keys=True)
            for name, known in answer.json().items()
        }

    def evidence(self) -> Mapping[str, Any]:
        """The status with its traces, and the offset. Not the config: it may hold a password."""
        return {
            "status": self.status(),
            "committed offset": [str(lsn) for lsn in self.committed_offset()],
            "position": [str(lsn) for lsn in self.position()],
        }

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def sighting_of(message: TopicMessage) -> Sighting:
    """The sighting of an envelope that the connector has published."""
    told = message.envelope
    assert told is not None, "only an envelope tells which row it is"
    return Sighting(Connect.name, told.aggregate_id, told.outbox_id, told.lsn, told.captured_at, fields_of(message))


def _told(trace: str) -> str:
    """What a Java trace says, without where: the frames are in the evidence."""
    return "\n".join(line for line in trace.splitlines() if not line.lstrip().startswith(("at ", "... ")))
