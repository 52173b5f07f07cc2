"""The Debezium connector: its config, and its life in Connect.

Connect keeps a connector's offsets when the connector is deleted, so a connector that was lost goes on where it was.
Offsets without their replication slot are worth nothing (PostgreSQL has forgotten the WAL they point to, or it is
another PostgreSQL): then they are reset, and the connector starts with a snapshot of what is in the outbox.
"""

import contextlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import psycopg
import pulumi
import urllib3
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult
from tenacity import Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_exponential
from urllib3.exceptions import HTTPError, ReadTimeoutError

from pipeline_lib.hops.servers import first_answering
from pipeline_lib.model.errors import UserError
from stacks.backend import Systems
from stacks.config import StackConfig
from stacks.dynamic import Props, Provider
from stacks.pipeline.names import DATABASE, PUBLICATION, SLOT, TOPIC, TOPIC_PREFIX
from stacks.wait import until

PATIENCE_S = 60


def connector_config(config: StackConfig, systems: Systems) -> dict[str, pulumi.Input[str]]:
    """Debezium's settings (https://debezium.io/documentation/reference/connectors/postgresql.html)."""
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "database.hostname": systems.postgres.inner_address.host,
        "database.port": systems.postgres.inner_address.port,
        "database.user": systems.users["postgres_replication"],
        "database.password": systems.replication_password,
        **{f"database.{key}": value for key, value in systems.postgres.access.items()},
        "database.dbname": DATABASE,
        "topic.prefix": TOPIC_PREFIX,
        "plugin.name": "pgoutput",
        "publication.name": PUBLICATION,
        "publication.autocreate.mode": "disabled",
        "slot.name": SLOT,
        "table.include.list": "public.outbox",
        "message.key.columns": "public.outbox:aggregate_id",
        "snapshot.mode": "initial",
        "skipped.operations": "u,d,t",
        "tombstones.on.delete": "false",
        "decimal.handling.mode": "string",
        "transforms": "route",
        "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter",
        "transforms.route.regex": rf"{TOPIC_PREFIX}\.public\.outbox",
        "transforms.route.replacement": TOPIC,
        "poll.interval.ms": str(config.connect.poll_interval_ms),
        # A heartbeat also writes a word into the WAL that is not published, so that the slot moves on an idle database.
        "heartbeat.interval.ms": str(config.connect.heartbeat_interval_ms),
        "heartbeat.action.query": "SELECT pg_logical_emit_message(false, 'heartbeat', '')",
        "message.prefix.exclude.list": "heartbeat",
        # Kafka's clients wait 5 ms for more to send together; a visitor's click comes alone.
        "producer.override.linger.ms": "0",
        # How soon partitions that are added are written to.
        "producer.override.metadata.max.age.ms": "10000",
    }


class Connector(Resource, module="pipeline", name="Connector"):
    """A connector of a Connect cluster, whose workers are at `url`, with commas between them if there are several.

    They ask for `access`; the connector's slot is looked for at `server`, a URI. The slot goes with the connector only
    if `drops_slot`: one that nobody reads would hold back WAL for ever in a PostgreSQL that outlives the stack.
    """

    def __init__(
        self,
        name: str,
        *,
        url: pulumi.Input[str],
        access: Mapping[str, pulumi.Input[str]],
        connector: str,
        server: pulumi.Input[str],
        drops_slot: bool,
        config: Mapping[str, pulumi.Input[str]],
        within: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        inputs = {
            "url": url,
            "access": access,
            "connector": connector,
            "server": server,
            "drops_slot": str(drops_slot),
            "config": config,
            "within": within,
            "state": None,
        }
        if drops_slot:  # on a worker that is not ours either, where no file has the password and the config holds it
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=["config"]))
        super().__init__(ConnectorProvider(), name, inputs, opts)


class ConnectorProvider(Provider):
    """Connectors over Connect's REST API."""

    inputs = ("url", "connector", "config", "within")
    replaces = ("connector", "within")

    def diff(self, _id: str, _olds: Props, _news: Props) -> Any:
        """Also a connector that was paused, stopped or has failed is to be mended."""
        result = super().diff(_id, _olds, _news)
        result.changes = result.changes or _olds["state"] != "RUNNING"
        return result

    def create(self, props: Props) -> CreateResult:
        """Puts the connector and returns when its task runs and its slot is active."""
        _start(props)
        return CreateResult(props["connector"], {**props, "state": "RUNNING"})

    def read(self, id_: str, props: Props) -> ReadResult:
        """Its config and state as Connect has them; gone if Connect does not have it or is not there.

        One whose slot is still to be dropped is never gone: it is ABSENT.
        """
        absent = ReadResult(id_, {**props, "state": "ABSENT"}) if props["drops_slot"] == "True" else ReadResult("", {})
        try:
            answer = _rest(props, "GET", "")
            status = _rest(props, "GET", "/status").json()
        except (HTTPError, ValueError):
            return absent
        if _refused(answer):
            return absent
        config = {key: value for key, value in answer.json()["config"].items() if key != "name"}
        return ReadResult(id_, {**props, "config": config, "state": _state(status)})

    def update(self, _id: str, _olds: Props, _news: Props) -> UpdateResult:
        """Puts the new config; a paused connector goes on, a failed one is started again."""
        _start(_news)
        return UpdateResult({**_news, "state": "RUNNING"})

    def delete(self, _id: str, _props: Props) -> None:
        """Deletes the connector; its slot goes with PostgreSQL's data where it is not to be dropped."""
        with contextlib.suppress(HTTPError):  # Connect is gone, and the connector with it
            _rest(_props, "DELETE", "")
        if _props["drops_slot"] == "True":
            _drop_slot(_props)


def _worker(props: Props) -> str:
    return first_answering(props["url"].split(","))


def _rest(props: Props, method: str, path: str, json: Any = None) -> urllib3.BaseHTTPResponse:
    """One call of the connector's; 409 is Connect's word for a rebalance, which passes."""
    calls = Retrying(
        retry=retry_if_result(lambda answer: answer.status == HTTPStatus.CONFLICT)
        | retry_if_exception_type(ReadTimeoutError),
        wait=wait_exponential(multiplier=0.05, max=0.5),
        stop=stop_after_delay(PATIENCE_S),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    url = f"{_worker(props)}/connectors/{props['connector']}{path}"
    return calls(_pool(props).request, method, url, json=json, timeout=10, retries=False)


def _pool(props: Props) -> urllib3.PoolManager:
    access = props["access"]
    headers = urllib3.make_headers(basic_auth=f"{access['user']}:{access['password']}") if "user" in access else None
    return urllib3.PoolManager(headers=headers, ca_certs=access.get("ca_file"))


def _refused(answer: urllib3.BaseHTTPResponse) -> bool:
    return answer.status >= HTTPStatus.BAD_REQUEST


def _start(props: Props) -> None:
    if not _slot_exists(props):
        _forget_offsets(props)
    _put(props)


def _put(props: Props) -> None:
    answer = _rest(props, "PUT", "/config", props["config"])
    if _refused(answer):
        raise UserError(f"Connect refused the connector {props['connector']}: {answer.data.decode()}")
    _rest(props, "PUT", "/resume")
    restarted = False

    def runs() -> bool:
        nonlocal restarted
        status = _rest(props, "GET", "/status")
        state = _state(status.json()) if not _refused(status) else "UNASSIGNED"
        if state == "FAILED" and not restarted:
            # What it failed of before this update may be mended by now: it gets one more try.
            _rest(props, "POST", "/restart?includeTasks=true&onlyFailed=true")
            restarted = True
            return False
        if state == "FAILED":
            raise UserError(
                f"The connector {props['connector']} has FAILED. Mend what its trace names and run `throughline up` "
                "again. Its trace:",
                _trace(status.json()),
            )
        return state == "RUNNING" and _slot_active(props)

    if not until(runs, PATIENCE_S):
        raise UserError(
            f"The connector {props['connector']} does not stream after {PATIENCE_S} s: "
            f"{_rest(props, 'GET', '/status').data.decode()}. See `throughline logs connect`, and run `throughline up` "
            "again."
        )


def _state(status: Mapping[str, Any]) -> str:
    """RUNNING if the connector and its task are, else the state of the one that is not."""
    states = [status["connector"]["state"], *(task["state"] for task in status.get("tasks", []))]
    if len(states) == 1 and states[0] == "RUNNING":
        return "UNASSIGNED"  # no task yet
    return next((str(state) for state in states if state != "RUNNING"), "RUNNING")


def _trace(status: Mapping[str, Any]) -> str:
    traces = [part.get("trace", "") for part in (status["connector"], *status.get("tasks", []))]
    lines = "\n".join(filter(None, traces)).splitlines()
    told = [line for line in lines if not line.startswith("\tat ")]
    return "\n".join(told[:12])


def _slot_exists(props: Props) -> bool:
    return _slot(props, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s")


def _slot_active(props: Props) -> bool:
    return _slot(props, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s AND active")


def _drop_slot(props: Props) -> None:
    """Drops the slot once the connector has let go of it; one that is not there is no error."""
    slot = props["config"]["slot.name"]
    again = "Until it is dropped it holds back WAL. Mend that and run `throughline down` again."
    try:
        if not until(lambda: not _slot_active(props), PATIENCE_S):
            raise UserError(f"The replication slot {slot} is still read after {PATIENCE_S} s. {again}")
        _slot(props, "SELECT count(pg_drop_replication_slot(slot_name)) FROM pg_replication_slots WHERE slot_name = %s")
    except psycopg.Error as refused:
        why = str(refused).strip().splitlines()[0]
        raise UserError(f"The replication slot {slot} could not be dropped: {why}. {again}") from None


def _slot(props: Props, question: str) -> bool:
    with psycopg.connect(props["server"], dbname=DATABASE, connect_timeout=5) as connection:
        row = connection.execute(question, [props["config"]["slot.name"]]).fetchone()
    return bool(row and row[0])


def _forget_offsets(props: Props) -> None:
    """Resets stored offsets, for which Connect wants the connector to exist and be stopped (KIP-875)."""
    if _refused(_rest(props, "GET", "")):
        answer = _pool(props).request(
            "POST",
            f"{_worker(props)}/connectors",
            json={"name": props["connector"], "config": props["config"], "initial_state": "STOPPED"},
            timeout=30,
        )
        if _refused(answer):
            raise UserError(f"Connect refused the connector {props['connector']}: {answer.data.decode()}")
    _rest(props, "PUT", "/stop")
    resets = Retrying(
        retry=retry_if_result(lambda answer: _refused(answer)),
        wait=wait_exponential(multiplier=0.05, max=0.5),
        stop=stop_after_delay(PATIENCE_S),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    answer = resets(_rest, props, "DELETE", "/offsets")
    if _refused(answer):
        raise UserError(f"Connect did not reset the offsets of {props['connector']}: {answer.data.decode()}")
