"""Creating, reading, changing and deleting, on a real engine."""

import urllib.request

import pytest

from stacks.wait import until
from tests.docker_plugin.with_engine.conftest import LABEL, Bench
from tools.docker_plugin.values import Secret, reveal

MEBIBYTE = 1024 * 1024


def test_a_network_lives_and_goes(bench: Bench) -> None:
    inputs = bench.plugin.right("Network", name=bench.name, labels=bench.labels)
    id_, outputs = bench.plugin.create("Network", inputs)
    assert bench.engine.networks.get(id_).attrs["Labels"] == {LABEL: bench.name}
    assert bench.plugin.read("Network", id_, inputs, outputs) == (inputs, outputs)
    bench.plugin.delete("Network", id_, inputs, outputs)
    assert bench.plugin.read("Network", id_, inputs, outputs) is None
    bench.plugin.delete("Network", id_, inputs, outputs)


def test_a_volume_lives_and_goes(bench: Bench) -> None:
    inputs = bench.plugin.right("Volume", name=bench.name, labels=bench.labels)
    id_, outputs = bench.plugin.create("Volume", inputs)
    assert id_ == bench.name
    assert bench.engine.volumes.get(id_).attrs["Mountpoint"] == outputs["mountpoint"]
    assert bench.plugin.read("Volume", id_, inputs, outputs) == (inputs, outputs)
    bench.plugin.delete("Volume", id_, inputs, outputs)
    assert bench.plugin.read("Volume", id_, inputs, outputs) is None
    bench.plugin.delete("Volume", id_, inputs, outputs)


def test_a_volume_of_the_name_that_is_another_one_shows_as_a_difference(bench: Bench) -> None:
    inputs = bench.plugin.right("Volume", name=bench.name, labels=bench.labels)
    id_, outputs = bench.plugin.create("Volume", inputs)
    bench.engine.volumes.get(id_).remove()
    bench.engine.volumes.create(bench.name, labels={LABEL: bench.name, "another": "one"})
    found = bench.plugin.read("Volume", id_, inputs, outputs)
    assert found is not None
    assert list(bench.plugin.diff("Volume", found[0], inputs).replaces) == ["labels"]


def test_a_container_gets_all_that_its_arguments_say(bench: Bench) -> None:
    for kind in ("Network", "Volume"):
        bench.plugin.create(kind, bench.plugin.right(kind, name=bench.name, labels=bench.labels))
    second = bench.plugin.right("Network", name=f"{bench.name}-b", labels=bench.labels)
    bench.plugin.create("Network", second)
    inputs = bench.container(
        hostname="postgres",
        envs=["GREETING=hello"],
        networksAdvanced=[{"name": bench.name, "aliases": ["db"]}, {"name": f"{bench.name}-b", "aliases": ["db2"]}],
        volumes=[{"volumeName": bench.name, "containerPath": "/var/data"}],
        uploads=[
            {"file": "/mnt/shared/config/server.properties", "content": Secret("a=1\nb=ü\n")},
            {"file": "/var/data/seed", "content": "in the volume"},
            {"file": "/start", "content": "#!/bin/sh\n", "executable": True},
        ],
        ports=[{"internal": 80, "ip": "127.0.0.1"}],
        healthcheck={"tests": ["CMD", "true"], "interval": "100ms", "timeout": "2s", "retries": 3},
        restart="unless-stopped",
        memory=64,
        memorySwap=96,
        tmpfs={"/scratch": "size=1m"},
        logDriver="json-file",
        logOpts={"max-size": "1m"},
        user="1000:1000",
        wait=True,
        waitTimeout=60,
    )
    id_, outputs = bench.plugin.create("Container", inputs)

    attributes = bench.engine.api.inspect_container(id_)
    config, host = attributes["Config"], attributes["HostConfig"]
    assert attributes["State"]["Health"]["Status"] == "healthy"
    assert (config["Hostname"], config["User"], config["StopTimeout"]) == ("postgres", "1000:1000", 5)
    assert config["Labels"] == {LABEL: bench.name}
    assert "GREETING=hello" in config["Env"]
    assert config["Healthcheck"] == {
        "Test": ["CMD", "true"],
        "Interval": 100_000_000,
        "Timeout": 2_000_000_000,
        "Retries": 3,
    }
    assert host["RestartPolicy"] == {"Name": "unless-stopped", "MaximumRetryCount": 0}
    assert host["Memory"] == 64 * MEBIBYTE
    assert host["Tmpfs"] == {"/scratch": "size=1m"}
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m"}}
    networks = attributes["NetworkSettings"]["Networks"]
    assert set(networks) == {bench.name, f"{bench.name}-b"}
    assert "db" in networks[bench.name]["Aliases"]
    assert "db2" in networks[f"{bench.name}-b"]["Aliases"]

    # As another user than root, who owns the files.
    assert bench.run(id_, "cat", "/mnt/shared/config/server.properties") == "a=1\nb=ü"
    assert bench.run(id_, "cat", "/var/data/seed") == "in the volume"
    assert bench.run(id_, "stat", "-c", "%a %u", "/start", "/var/data/seed").split("\n") == ["744 0", "644 0"]
    assert "hello" not in str(outputs["networkDatas"])

    assert outputs["hostname"] == "postgres"
    assert [data["networkName"] for data in outputs["networkDatas"]] == [bench.name, f"{bench.name}-b"]
    (binding,) = host["PortBindings"]["80/tcp"]
    assert binding["HostIp"] == "127.0.0.1"
    assert outputs["ports"][0]["external"] >= 1024
    assert outputs["uploads"][0]["content"] == Secret("a=1\nb=ü\n")
    assert outputs["envs"] == [Secret("GREETING=hello")]
    # Nothing has happened to it, so nothing is seen to have changed.
    assert bench.plugin.read("Container", id_, inputs, outputs) == (inputs, outputs)


def test_a_published_port_answers_on_loopback(bench: Bench) -> None:
    inputs = bench.container(
        command=["httpd", "-f", "-p", "80", "-h", "/srv"],
        uploads=[{"file": "/srv/index.html", "content": "it works"}],
        ports=[{"internal": 80, "ip": "127.0.0.1"}],
        healthcheck={"tests": ["CMD", "busybox", "wget", "-q", "-O-", "http://127.0.0.1/"], "interval": "100ms"},
        wait=True,
    )
    _, outputs = bench.plugin.create("Container", inputs)
    with urllib.request.urlopen(f"http://127.0.0.1:{int(outputs['ports'][0]['external'])}/", timeout=10) as answer:
        assert answer.read() == b"it works"


def test_limits_change_in_place(bench: Bench) -> None:
    old = bench.container(memory=64)
    id_, outputs = bench.plugin.create("Container", old)
    # More than the memory and swap that the engine made of the first limit.
    new = bench.container(memory=256, restart="on-failure", maxRetryCount=4)
    assert list(bench.plugin.diff("Container", old, new).replaces) == []
    outputs = bench.plugin.update("Container", id_, old, outputs, new)
    host = bench.engine.api.inspect_container(id_)["HostConfig"]
    assert host["Memory"] == 256 * MEBIBYTE
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 4}
    assert outputs["memory"] == 256
    assert bench.plugin.read("Container", id_, new, outputs) == (new, outputs)


def test_limits_that_somebody_changed_show_and_are_mended_in_place(bench: Bench) -> None:
    inputs = bench.container(memory=64, restart="unless-stopped")
    id_, outputs = bench.plugin.create("Container", inputs)
    bench.engine.api.update_container(
        id_, mem_limit=32 * MEBIBYTE, memswap_limit=64 * MEBIBYTE, restart_policy={"Name": "no"}
    )
    found = bench.plugin.read("Container", id_, inputs, outputs)
    assert found is not None
    drifted, _ = found
    assert (drifted["memory"], drifted["restart"]) == (32, "no")
    assert list(bench.plugin.diff("Container", drifted, inputs).replaces) == []
    bench.plugin.update("Container", id_, drifted, outputs, inputs)
    assert bench.plugin.read("Container", id_, inputs, outputs) == (inputs, outputs)


@pytest.mark.parametrize("halt", ["stop", "kill", "pause"])
def test_a_container_that_does_not_run_is_started_again_with_its_files(bench: Bench, halt: str) -> None:
    inputs = bench.container(ports=[{"internal": 80, "ip": "127.0.0.1"}], uploads=[{"file": "/seed", "content": "1"}])
    id_, outputs = bench.plugin.create("Container", inputs)
    getattr(bench.engine.containers.get(id_), halt)()
    found = bench.plugin.read("Container", id_, inputs, outputs)
    assert found is not None
    drifted, _ = found
    assert drifted["mustRun"] is False
    answer = bench.plugin.diff("Container", drifted, inputs)
    assert list(answer.diffs) == ["mustRun"]
    assert list(answer.replaces) == []
    outputs = bench.plugin.update("Container", id_, drifted, outputs, inputs)
    assert bench.engine.containers.get(id_).status == "running"
    assert bench.run(id_, "cat", "/seed") == "1"
    assert bench.plugin.read("Container", id_, inputs, outputs) == (inputs, outputs)


def test_a_stopped_container_that_need_not_run_is_left_alone(bench: Bench) -> None:
    inputs = bench.container(mustRun=False)
    id_, outputs = bench.plugin.create("Container", inputs)
    bench.engine.containers.get(id_).stop()
    found = bench.plugin.read("Container", id_, inputs, outputs)
    assert found is not None
    assert found[0] == inputs
    assert found[1]["exitCode"] == 0


def test_a_container_that_may_end_ends(bench: Bench) -> None:
    inputs = bench.container(command=["false"], mustRun=False)
    id_, _ = bench.plugin.create("Container", inputs)
    assert bench.engine.containers.get(id_).wait()["StatusCode"] == 1


def test_a_container_that_somebody_removed_has_gone(bench: Bench) -> None:
    inputs = bench.container()
    id_, outputs = bench.plugin.create("Container", inputs)
    bench.engine.containers.get(id_).remove(force=True)
    assert bench.plugin.read("Container", id_, inputs, outputs) is None
    bench.plugin.delete("Container", id_, inputs, outputs)


@pytest.mark.parametrize("stopped", [True, False])
def test_a_network_that_a_container_was_taken_out_of_needs_another_container(bench: Bench, stopped: bool) -> None:
    network = bench.plugin.right("Network", name=bench.name, labels=bench.labels)
    network_id, _ = bench.plugin.create("Network", network)
    inputs = bench.container(networksAdvanced=[{"name": bench.name, "aliases": ["db"]}])
    id_, outputs = bench.plugin.create("Container", inputs)
    if stopped:
        # As when a network is removed by hand: the stopped container still names it.
        bench.engine.containers.get(id_).stop()
        bench.engine.networks.get(network_id).remove()
    else:
        bench.engine.networks.get(network_id).disconnect(id_)
    found = bench.plugin.read("Container", id_, inputs, outputs)
    assert found is not None
    assert list(bench.plugin.diff("Container", found[0], inputs).replaces) == ["networksAdvanced"]


def test_deleting_lets_a_container_end_by_itself_first(bench: Bench) -> None:
    volume = bench.plugin.right("Volume", name=bench.name, labels=bench.labels)
    bench.plugin.create("Volume", volume)
    mount = [{"volumeName": bench.name, "containerPath": "/data"}]
    last_words = "trap 'echo stopped in peace > /data/last; exit 0' TERM; touch /data/up; sleep 3600 & wait"
    command = ["busybox", "sh", "-c", last_words.replace("touch", "busybox touch")]
    inputs = bench.container(command=command, volumes=mount, destroyGraceSeconds=30)
    id_, outputs = bench.plugin.create("Container", inputs)
    container = bench.engine.containers.get(id_)
    assert until(lambda: container.exec_run(["cat", "/data/up"]).exit_code == 0, 60)
    bench.plugin.delete("Container", id_, inputs, outputs)
    assert bench.containers() == []
    reader = bench.container(command=["sh", "-c", "cat /data/last; sleep 3600"], volumes=mount)
    reader_id, _ = bench.plugin.create("Container", reader)
    logs = bench.engine.containers.get(reader_id).logs
    assert until(lambda: logs() == b"stopped in peace\n", 60)


def test_an_image_is_found_and_followed_when_its_name_moves(bench: Bench) -> None:
    name = f"throughline-test/{bench.name}:1"
    repository, _, tag = name.rpartition(":")
    image = bench.engine.images.get(bench.image)
    assert image.tag(repository, tag)
    inputs = bench.plugin.right("RemoteImage", name=name)
    id_, outputs = bench.plugin.create("RemoteImage", inputs)
    assert outputs["imageId"] == image.id
    assert outputs["repoDigest"] == ""
    assert bench.plugin.read("RemoteImage", id_, inputs, outputs) == (inputs, outputs)

    container = bench.engine.containers.create(bench.image, ["true"], labels={LABEL: bench.name})
    another = container.commit(repository, tag)
    found = bench.plugin.read("RemoteImage", id_, inputs, outputs)
    assert found is not None
    assert found[1]["imageId"] == another.id

    kept = bench.plugin.right("RemoteImage", name=name, keepLocally=True)
    assert bench.plugin.update("RemoteImage", id_, inputs, outputs, kept)["keepLocally"] is True
    bench.plugin.delete("RemoteImage", id_, kept, outputs)
    assert bench.plugin.read("RemoteImage", id_, inputs, outputs) is not None
    bench.plugin.delete("RemoteImage", id_, inputs, outputs)
    assert bench.plugin.read("RemoteImage", id_, inputs, outputs) is None
    bench.plugin.delete("RemoteImage", id_, inputs, outputs)


def test_what_a_killed_up_has_left_is_taken_over(bench: Bench) -> None:
    network = bench.plugin.right("Network", name=bench.name, labels=bench.labels)
    volume = bench.plugin.right("Volume", name=bench.name, labels=bench.labels)
    inputs = bench.container()
    first = [bench.plugin.create(*made)[0] for made in (("Network", network), ("Volume", volume))]
    left, _ = bench.plugin.create("Container", inputs)
    bench.engine.containers.get(left).stop()
    assert [bench.plugin.create(*made)[0] for made in (("Network", network), ("Volume", volume))] == first
    id_, _ = bench.plugin.create("Container", inputs)
    assert id_ != left
    assert bench.containers() == [bench.name]
    assert reveal(bench.engine.containers.get(id_).status) == "running"
