"""The images of Kafka and Connect behave as the official ones do."""

import httpx
import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.images.with_engine.conftest import Container, Engine, free_port, wait_for
from tools.images.recipes import recipes

KAFKAS = [recipe.tag for recipe in recipes() if recipe.folder == "kafka"]
OLDER = "throughline/kafka:3.9.1"
[CONNECT] = [recipe.tag for recipe in recipes() if recipe.folder == "connect"]
CLUSTER = "MkU3OEVBNTcwNTJENDM2Qk"
SETTINGS = "/mnt/shared/config/server.properties"
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
controller.listener.names=CONTROLLER
listeners=INTERNAL://0.0.0.0:29092,EXTERNAL://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093
advertised.listeners=INTERNAL://kafka:29092,EXTERNAL://127.0.0.1:{port}
listener.security.protocol.map=INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=INTERNAL
log.dirs=/var/lib/kafka/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
"""


def start(engine: Engine, image: str, volume: str, port: int) -> Container:
    return engine.start(
        image,
        alias="kafka",
        env={"CLUSTER_ID": CLUSTER, "KAFKA_HEAP_OPTS": "-Xmx300m"},
        files={SETTINGS: PROPERTIES.format(port=port)},
        ports={9092: port},
        volumes={"/var/lib/kafka/data": volume},
    )


def admin(port: int) -> AdminClient:
    return AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})


def answers(port: int) -> bool:
    try:
        admin(port).list_topics(timeout=2)
    except KafkaException:
        return False
    return True


def ready(container: Container, port: int) -> Container:
    wait_for(lambda: answers(port), container.logs)
    return container


def read_one(port: int, topic: str) -> bytes | None:
    consumer = Consumer(
        {"bootstrap.servers": f"127.0.0.1:{port}", "group.id": "reader", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    message = consumer.poll(60)
    consumer.close()
    return message.value() if message else None


@pytest.mark.parametrize("image", KAFKAS)
def test_a_broker_keeps_its_messages_when_its_container_is_replaced(engine: Engine, image: str) -> None:
    port, volume = free_port(), engine.volume()
    first = ready(start(engine, image, volume, port), port)
    assert first.process() == "appuser\njava"
    assert "-Xmx300m" in first.command_line()
    client = admin(port)
    client.create_topics([NewTopic("kept", 1, 1)])["kept"].result()
    producer = Producer({"bootstrap.servers": f"127.0.0.1:{port}"})
    producer.produce("kept", b"a message")
    assert producer.flush(30) == 0
    assert first.stop() == 143  # a JVM that SIGTERM ended in order

    ready(start(engine, image, volume, port), port)
    assert read_one(port, "kept") == b"a message"
    assert admin(port).list_topics(timeout=5).cluster_id == CLUSTER


@pytest.mark.parametrize("image", KAFKAS)
def test_a_broker_without_settings_ends_and_says_so(engine: Engine, image: str) -> None:
    container = engine.start(image)
    assert container.exit_code() == 1
    assert SETTINGS in container.logs()


def test_a_broker_without_a_cluster_ends_and_says_so(engine: Engine) -> None:
    container = engine.start(OLDER, files={SETTINGS: PROPERTIES.format(port=9092)})
    assert container.exit_code() != 0
    assert "CLUSTER_ID" in container.logs()


def test_a_worker_takes_its_properties_from_the_environment(engine: Engine) -> None:
    """Against the older broker: the pair that goes with the older ClickHouse."""
    kafka, rest = free_port(), free_port()
    start(engine, OLDER, engine.volume(), kafka)
    worker = engine.start(
        CONNECT,
        env={
            "BOOTSTRAP_SERVERS": "kafka:29092",
            "GROUP_ID": "workers",
            "CONFIG_STORAGE_TOPIC": "the_configs",
            "OFFSET_STORAGE_TOPIC": "the_offsets",
            "STATUS_STORAGE_TOPIC": "the_statuses",
            "HEAP_OPTS": "-Xmx400m",
            "CONNECT_OFFSET_STORAGE_PARTITIONS": "3",
            "CONNECT_STATUS_STORAGE_PARTITIONS": "1",
            "CONNECT_PLUGIN_DISCOVERY": "service_load",
        },
        ports={8083: rest},
    )
    wait_for(lambda: listens(f"http://127.0.0.1:{rest}/connectors"), worker.logs)
    plugins = httpx.get(f"http://127.0.0.1:{rest}/connector-plugins").json()
    assert {
        "class": "io.debezium.connector.postgresql.PostgresConnector",
        "type": "source",
        "version": CONNECT.rpartition(":")[2],
    } in plugins
    topics = admin(kafka).list_topics(timeout=5).topics
    partitions = {name: len(topic.partitions) for name, topic in topics.items() if name.startswith("the_")}
    assert partitions == {"the_configs": 1, "the_offsets": 3, "the_statuses": 1}
    assert worker.process() == "appuser\njava"
    assert worker.inspect()["Mounts"] == []  # it keeps nothing, so it leaves no volume behind
    assert "-Xmx400m" in worker.command_line()
    assert worker.stop() == 143


def listens(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


def test_a_worker_without_brokers_ends_and_says_so(engine: Engine) -> None:
    container = engine.start(CONNECT)
    assert container.exit_code() != 0
    assert "BOOTSTRAP_SERVERS" in container.logs()
