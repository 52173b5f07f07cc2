"""What fails on a real engine leaves nothing behind and says why, in a paragraph, with the container's last lines."""

import socket
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from stacks.wait import until
from tests.docker_plugin.with_engine.conftest import LABEL, Bench
from tools.docker_plugin.values import Props, Secret


def refused(bench: Bench, inputs: Props, kind: str = "Container") -> str:
    """Why creating failed."""
    with pytest.raises(grpc.RpcError) as error:
        bench.plugin.create(kind, inputs)
    said: str = error.value.details()
    assert "Traceback" not in said
    assert bench.name in said
    return said


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


CHECKED = {"wait": True, "waitTimeout": 60}


def test_a_container_that_exits_at_once(bench: Bench) -> None:
    script = shell("echo first; echo cannot find my data; exit 3")
    said = refused(bench, bench.container(command=script, healthcheck={"tests": ["CMD", "true"]}, **CHECKED))
    assert "exited with status 3" in said
    assert "cannot find my data" in said
    assert "removed again" in said
    assert bench.containers() == []


def test_a_container_that_the_engine_starts_again_and_again(bench: Bench) -> None:
    script = shell("echo no room; exit 4")
    said = refused(
        bench, bench.container(command=script, restart="always", healthcheck={"tests": ["CMD", "true"]}, **CHECKED)
    )
    assert "exited" in said
    assert "no room" in said
    assert bench.containers() == []


def test_a_container_that_is_unhealthy(bench: Bench) -> None:
    check = {"tests": ["CMD-SHELL", "echo the door is locked; exit 1"], "interval": "100ms", "retries": 2}
    said = refused(bench, bench.container(healthcheck=check, **CHECKED))
    assert "unhealthy" in said
    assert "the door is locked" in said
    assert "awake" in said
    assert bench.containers() == []


def test_a_container_that_does_not_become_healthy_in_time(bench: Bench) -> None:
    check = {"tests": ["CMD-SHELL", "echo not yet; exit 1"], "interval": "100ms", "startPeriod": "1h"}
    said = refused(bench, bench.container(healthcheck=check, wait=True, waitTimeout=1))
    assert "not healthy within 1 s" in said
    assert "not yet" in said
    assert bench.containers() == []


def test_a_wait_without_a_health_check(bench: Bench) -> None:
    assert "no health check" in refused(bench, bench.container(**CHECKED))
    assert bench.containers() == []


def test_a_container_that_takes_more_memory_than_it_has(bench: Bench) -> None:
    script = shell("x=a; while true; do x=$x$x; done")
    check = {"tests": ["CMD", "false"], "interval": "1s", "startPeriod": "1h"}
    said = refused(bench, bench.container(command=script, memory=16, memorySwap=16, healthcheck=check, **CHECKED))
    assert "want of memory" in said
    assert "16 MB" in said
    assert bench.containers() == []


def test_a_port_that_is_taken_by_a_process(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(bench, bench.container(ports=[{"internal": 80, "external": port, "ip": "127.0.0.1"}]))
    assert f"127.0.0.1:{port}" in said
    assert "taken by another" in said
    assert bench.containers() == []


def test_a_port_that_is_taken_by_a_container(bench: Bench) -> None:
    inputs = bench.container(name=f"{bench.name}-first", ports=[{"internal": 80, "ip": "127.0.0.1"}])
    _, outputs = bench.plugin.create("Container", inputs)
    port = int(outputs["ports"][0]["external"])
    said = refused(bench, bench.container(ports=[{"internal": 80, "external": port, "ip": "127.0.0.1"}]))
    assert f"127.0.0.1:{port}" in said
    assert bench.containers() == [f"{bench.name}-first"]


def test_an_image_that_is_not_there(bench: Bench) -> None:
    said = refused(bench, bench.container(image="throughline-test/none:1"))
    assert "image throughline-test/none:1" in said
    assert "make images" in said


@pytest.mark.parametrize("reference", [":1", f"@sha256:{'0' * 64}"])
def test_an_image_that_cannot_be_pulled(bench: Bench, reference: str) -> None:
    name = f"127.0.0.1:9/{bench.name}{reference}"
    said = refused(bench, bench.plugin.right("RemoteImage", name=name), "RemoteImage")
    assert f"The image {name} is not on the Docker engine and could not be pulled" in said
    assert ("digest" in said) == ("@" in reference)


def test_a_network_that_is_not_there(bench: Bench) -> None:
    said = refused(bench, bench.container(networksAdvanced=[{"name": f"{bench.name}-none"}]))
    assert f"{bench.name}-none" in said
    assert bench.containers() == []


def test_secrets_in_the_last_lines_are_hidden(bench: Bench) -> None:
    inputs = bench.container(
        command=shell("cat /password; echo; echo $TOKEN; exit 1"),
        envs=["TOKEN=swordfish-1"],
        uploads=[{"file": "/password", "content": Secret("correct horse")}],
        healthcheck={"tests": ["CMD", "true"]},
        **CHECKED,
    )
    said = refused(bench, inputs)
    assert "[secret]" in said
    assert "swordfish-1" not in said
    assert "correct horse" not in said


def test_a_container_of_somebody_else_is_left_alone(bench: Bench) -> None:
    theirs = bench.engine.containers.create(bench.image, ["true"], name=bench.name, labels={"somebody": "else"})
    try:
        said = refused(bench, bench.container())
        assert "other labels" in said
        assert f"docker rm -f {bench.name}" in said
        theirs.reload()
    finally:
        theirs.remove(force=True)


def test_a_running_container_of_the_name_is_left_alone(bench: Bench) -> None:
    id_, _ = bench.plugin.create("Container", bench.container())
    assert "it is running" in refused(bench, bench.container())
    assert bench.engine.containers.get(id_).status == "running"


def test_a_network_and_a_volume_of_somebody_else_are_left_alone(bench: Bench) -> None:
    network = bench.engine.networks.create(bench.name)
    volume = bench.engine.volumes.create(bench.name)
    try:
        for kind in ("Network", "Volume"):
            said = refused(bench, bench.plugin.right(kind, name=bench.name, labels=bench.labels), kind)
            assert "other labels" in said
    finally:
        network.remove()
        volume.remove()


def test_a_volume_that_a_container_uses_is_not_removed_and_not_taken_over(bench: Bench) -> None:
    inputs = bench.plugin.right("Volume", name=bench.name, labels=bench.labels)
    id_, outputs = bench.plugin.create("Volume", inputs)
    mount = [{"volumeName": bench.name, "containerPath": "/data"}]
    bench.plugin.create("Container", bench.container(volumes=mount))
    with pytest.raises(grpc.RpcError) as error:
        bench.plugin.delete("Volume", id_, inputs, outputs)
    assert f"remove the volume {bench.name}" in error.value.details()
    assert "in use by" in refused(bench, inputs, "Volume")


def test_a_container_that_cannot_be_started_again_says_so_and_stays(bench: Bench) -> None:
    script = shell(
        "echo run $(busybox wc -l < /runs); echo run >> /runs; [ $(busybox wc -l < /runs) -lt 2 ] && sleep 3600"
    )
    inputs = bench.container(command=script, uploads=[{"file": "/runs", "content": ""}], stopTimeout=0)
    id_, outputs = bench.plugin.create("Container", inputs)
    container = bench.engine.containers.get(id_)
    assert until(lambda: b"run 0" in container.logs(), 60)
    container.kill()
    check = inputs | {"wait": True}
    with pytest.raises(grpc.RpcError) as error:
        bench.plugin.update("Container", id_, check | {"mustRun": False}, outputs, check)
    assert "was left as it is" in error.value.details()
    assert bench.containers() == [bench.name]


def test_ctrl_c_ends_the_wait_and_removes_the_container(bench: Bench) -> None:
    check = {"tests": ["CMD", "false"], "interval": "1h"}
    inputs = bench.container(healthcheck=check, wait=True, waitTimeout=3600)
    with ThreadPoolExecutor(1) as pool:
        creating = pool.submit(refused, bench, inputs)
        running = {"label": f"{LABEL}={bench.name}", "status": "running"}
        assert until(lambda: bool(bench.engine.containers.list(filters=running)), 60)
        bench.plugin.cancel()
        assert "called off" in creating.result(timeout=60)
    assert bench.containers() == []
