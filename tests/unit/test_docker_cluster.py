"""A small cluster on Docker against Pulumi's own mocks: who is there, how they find each other, what they share."""

from collections.abc import Iterator

import pytest
from pulumi.runtime import set_all_config

from pipeline_lib.model.errors import UserError
from stacks.allocation import LOOPBACK
from stacks.docker.allocation import AllocationProvider
from stacks.docker.store import StoreProvider
from stacks.dynamic import Props
from tests.unit.test_docker_program import PORTS, Declared, _declared

BROKERS = ("kafka", "kafka-2", "kafka-3")
WORKERS = ("connect", "connect-2")
REPLICAS = ("clickhouse", "clickhouse-2")


@pytest.fixture
def declared() -> Iterator[Declared]:
    yield _declared(kafka='{"brokers": 3}', connect='{"workers": "2"}', clickhouse='{"replicas": 2}')
    set_all_config({})


def file_of(declared: Declared, part: str, ending: str) -> str:
    return next(str(file["content"]) for file in declared.inputs[part]["uploads"] if file["file"].endswith(ending))


def settings_of(declared: Declared, broker: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file_of(declared, broker, "server.properties").splitlines())


def test_each_server_is_a_container_with_a_port_of_its_own_on_loopback(declared: Declared) -> None:
    containers = declared.of_type("Container")
    assert containers.keys() == {"postgres", "keeper", *BROKERS, *WORKERS, *REPLICAS}
    published = {
        name: [(port["ip"], str(int(port["external"]))) for port in container["ports"]]
        for name, container in containers.items()
    }
    assert published.pop("keeper") == []
    assert published == {name: [(LOOPBACK, PORTS[name])] for name in published}


def test_three_brokers_are_one_quorum_and_keep_everything_thrice(declared: Declared) -> None:
    settings = [settings_of(declared, broker) for broker in BROKERS]
    assert [one["node.id"] for one in settings] == ["1", "2", "3"]
    assert {one["controller.quorum.voters"] for one in settings} == {"1@kafka:9093,2@kafka-2:9093,3@kafka-3:9093"}
    assert {one["min.insync.replicas"] for one in settings} == {"2"}
    factors = {value for one in settings for key, value in one.items() if key.endswith("replication.factor")}
    assert factors == {"3"}
    assert settings[1]["advertised.listeners"] == f"INNER://kafka-2:29092,OUTER://{LOOPBACK}:{PORTS['kafka-2']}"
    assert {declared.inputs[topic]["replicas"] for topic in ("topic", "heartbeat-topic")} == {"3"}


def test_workers_are_one_group_and_know_where_the_others_are(declared: Declared) -> None:
    for worker in WORKERS:
        environment = dict(env.split("=", 1) for env in declared.inputs[worker]["envs"])
        assert environment["GROUP_ID"] == "experiments-connect"
        assert environment["ADVERTISED_HOST_NAME"] == worker
        assert environment["BOOTSTRAP_SERVERS"] == "kafka:29092,kafka-2:29092,kafka-3:29092"
        assert environment["CONNECT_OFFSET_STORAGE_REPLICATION_FACTOR"] == "3"
    assert declared.inputs["connector"]["url"] == f"http://{LOOPBACK}:21004,http://{LOOPBACK}:21014"


def test_replicas_find_keeper_and_are_known_by_their_names(declared: Declared) -> None:
    for replica in REPLICAS:
        server = file_of(declared, replica, "config.d/throughline.xml")
        assert f"<interserver_http_host>{replica}</interserver_http_host>" in server
        assert f"<macros><replica>{replica}</replica></macros>" in server
        assert "<node><host>keeper</host><port>9181</port></node>" in server


def test_each_replica_has_a_schema_of_the_same_tables_and_a_share_of_the_topic(declared: Declared) -> None:
    first, second = (declared.inputs[name] for name in ("clickhouse-schema", "clickhouse-schema-2"))
    assert first["objects"] == second["objects"]
    assert (first["server"]["port"], second["server"]["port"]) == (PORTS["clickhouse"], PORTS["clickhouse-2"])
    assert "ReplicatedReplacingMergeTree('/throughline/clickhouse-store-identity/events-" in first["objects"]["events"]
    assert "clickhouse-clickhouse-store-identity-kafka-store-identity" in first["objects"]["events_queue"]
    assert declared.inputs["topic"]["partitions"] == first["partitions"] == "3"


def test_a_schema_follows_its_replica_and_keeper_and_the_topic_a_majority(declared: Declared) -> None:
    keeper = "throughline-unit-keeper-1a2b3c"
    assert declared.inputs["clickhouse-schema-2"]["within"] == f"throughline-unit-clickhouse-2-1a2b3c/{keeper}"
    assert declared.inputs["topic"]["within"] == "kafka-store-identity"
    assert declared.inputs["kafka-store"]["needed"] == "2"
    assert declared.inputs["clickhouse-store"]["needed"] == "1"


def test_partitions_that_the_config_gives_win() -> None:
    declared = _declared(kafka='{"brokers": 3, "partitions": 6}', clickhouse='{"replicas": 2}')
    assert declared.inputs["topic"]["partitions"] == "6"
    set_all_config({})


def volumes(*names: str, needed: int = 1) -> Props:
    return {"volumes": list(names), "needed": str(needed)}


@pytest.mark.parametrize(
    ("olds", "news", "lost"),
    [
        (volumes("a", "b"), volumes("a", "B"), False),
        (volumes("a", "b"), volumes("A", "b"), False),
        (volumes("a", "b"), volumes("A", "B"), True),
        (volumes("a", "b", "c", needed=2), volumes("A", "b", "c", needed=2), False),
        (volumes("a", "b", "c", needed=2), volumes("a", "B", "C", needed=2), True),
    ],
)
def test_data_are_lost_with_too_many_of_their_volumes_and_no_sooner(olds: Props, news: Props, lost: bool) -> None:
    provider = StoreProvider()
    stands = provider.create(olds).outs
    assert stands is not None
    assert bool(provider.diff("", stands, news).replaces) == lost
    if lost:
        assert (provider.create(news).outs or {})["identity"] != stands["identity"]
    else:
        assert (provider.update("", stands, news).outs or {})["identity"] == stands["identity"]


def test_servers_can_be_added_to_data_that_stand_in_one() -> None:
    assert (StoreProvider().create(volumes("a", "b")).outs or {})["identity"] == "a"


ONE = ("postgres", "kafka", "connect", "clickhouse")
CLUSTER = (*ONE, "kafka-2", "kafka-3", "connect-2", "clickhouse-2")


@pytest.mark.parametrize(
    ("olds", "news", "told"),
    [
        (ONE, CLUSTER, r"1 of `kafka\.brokers` and its config asks for 3.*Set `kafka\.brokers` to 1"),
        (CLUSTER, (*ONE, "clickhouse-2"), r"3 of `kafka\.brokers` and its config asks for 1"),
        ((*ONE, "clickhouse-2"), ONE, r"2 of `clickhouse\.replicas` and its config asks for 1.*to 2 or more"),
    ],
)
def test_servers_more_or_less_that_could_not_be_borne_are_refused(
    olds: tuple[str, ...], news: tuple[str, ...], told: str
) -> None:
    with pytest.raises(UserError, match=told) as refused:
        AllocationProvider().diff("", _ports(olds), _ports(news))
    assert "`throughline down`" in str(refused.value)


def test_workers_come_and_go_and_replicas_are_added() -> None:
    for olds, news in ((ONE, (*ONE, "connect-2")), ((*ONE, "connect-2"), ONE), (ONE, (*ONE, "clickhouse-2"))):
        assert AllocationProvider().diff("", _ports(olds), _ports(news)).changes


def _ports(names: tuple[str, ...]) -> Props:
    return {"asked_ports": {}, "port_names": list(names)}
