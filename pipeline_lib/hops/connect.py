"""Kafka Connect: the connector's state, the trace of a failure, and how far in the WAL it is.

Connect's REST API: https://kafka.apache.org/documentation/#connect_rest. A connector commits its offset only every
`offset.flush.interval.ms`; what it has published meanwhile tells of its position too, by the LSN in the envelopes. So
the hop is asked together with the topic that the connector writes to.
"""

import ssl
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import httpx

from pipeline_lib.hops.protocol import Readiness
from pipeline_lib.hops.servers import first_answering
from pipeline_lib.hops.tail import Tail
from pipeline_lib.model.endpoints import ConnectEndpoint, reveal
from pipeline_lib.model.envelope import Envelope
from pipeline_lib.model.errors import UserError
from pipeline_lib.model.outbox import Committed
from pipeline_lib.model.position import Lsn
from pipeline_lib.model.sighting import Sighting

TIMEOUT_S = 5
TRANSIENT = (httpx.TransportError,)
"""What may pass by itself: the worker is not there just now."""


class Connect:
    """The second hop; raises UserError where Connect is not there or does not know the connector."""

    name = "connect"

    def __init__(self, endpoint: ConnectEndpoint, published: Tail) -> None:
        self._published = published
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

    def status(self) -> Mapping[str, Any]:
        """The states of connector and tasks; raises UserError if Connect does not know the connector."""
        answer = self._client.get("/status")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise UserError(
                f"Connect at {self._url} has no connector {self._connector}. `throughline up` puts it back."
            )
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise UserError(
                f"Connect at {self._url} does not let us in ({answer.status_code} {answer.reason_phrase}): the user or "
                "the password is not right. `throughline endpoints` shows both; `throughline up` mends a stack."
            )
        status: Mapping[str, Any] = answer.raise_for_status().json()
        return status

    def ready(self) -> Readiness:
        """Ready when the connector and its task are RUNNING."""
        status = self.status()
        states = [status["connector"]["state"], *(task["state"] for task in status["tasks"])]
        return Readiness(
            len(states) > 1 and set(states) == {"RUNNING"}, f"connector {states[0]}, tasks {', '.join(states[1:])}"
        )

    def failure(self) -> str | None:
        """Why a connector or task has FAILED, which it does not leave by itself; None while none has."""
        status = self.status()
        failed = [part for part in (status["connector"], *status["tasks"]) if part["state"] == "FAILED"]
        return "\n".join(_told(str(part.get("trace", "FAILED without a trace"))) for part in failed) or None

    def committed_offset(self) -> tuple[Lsn, ...]:
        """The LSN from which the connector would go on after a restart; none before its first offset."""
        answer = self._client.get("/offsets")
        offsets = [entry["offset"] for entry in answer.raise_for_status().json()["offsets"] if entry["offset"]]
        known = [offset.get("lsn_proc") or offset.get("lsn") for offset in offsets]
        return tuple(Lsn(lsn) for lsn in known if lsn is not None)

    def position(self) -> tuple[Lsn, ...]:
        """The LSN up to which it has processed the WAL: committed, or that of the last change it has published."""
        known = [*self.committed_offset(), *self._published.last_lsn()]
        return (max(known),) if known else ()

    def sightings(self, committed: Sequence[Committed], users: Collection[str]) -> list[Sighting]:
        """The changes that it has published, each once, with the LSN and the time at which it read them."""
        envelopes: dict[int, Envelope] = {}
        for message in self._published.find([*(message.id for message in committed), *users]):
            if message.envelope is not None:
                envelopes.setdefault(message.envelope.outbox_id, message.envelope)
        return [
            Sighting(self.name, envelope.aggregate_id, outbox_id, envelope.lsn, envelope.captured_at)
            for outbox_id, envelope in envelopes.items()
        ]

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


def _told(trace: str) -> str:
    """What a Java trace says, without where: the frames are in the evidence."""
    return "\n".join(line for line in trace.splitlines() if not line.lstrip().startswith(("at ", "... ")))
