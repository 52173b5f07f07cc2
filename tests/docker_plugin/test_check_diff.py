"""What the plugin says of arguments, without any engine: defaults, refusals, what changes in place, and previews."""

import re
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from tests.docker_plugin.plugin import Plugin, urn
from tools.docker_plugin.values import SECRET, SIGNATURE, UNKNOWN, Props, Secret, from_wire, to_wire

POSTGRES: Props = {
    "name": "dev-postgres",
    "image": "sha256:1",
    "hostname": "postgres",
    "command": ["postgres", "-c", "wal_level=logical"],
    "envs": ["POSTGRES_PASSWORD_FILE=/run/password"],
    "ports": [{"internal": 5432, "external": 15432, "ip": "127.0.0.1"}],
    "networksAdvanced": [{"name": "dev", "aliases": ["postgres"]}],
    "volumes": [{"volumeName": "dev-postgres", "containerPath": "/var/lib/postgresql"}],
    "uploads": [{"file": "/run/password", "content": Secret("hunter22")}],
    "healthcheck": {"tests": ["CMD", "pg_isready"], "interval": "500ms", "retries": 5},
    "restart": "unless-stopped",
    "memory": 512,
    "labels": [{"label": "throughline.stack", "value": "dev"}],
}
VOLUME: Props = {"name": "dev-postgres", "labels": [{"label": "throughline.stack", "value": "dev"}]}
ADD, ADD_REPLACE = provider_pb2.PropertyDiff.ADD, provider_pb2.PropertyDiff.ADD_REPLACE
DELETE, DELETE_REPLACE = provider_pb2.PropertyDiff.DELETE, provider_pb2.PropertyDiff.DELETE_REPLACE
UPDATE, UPDATE_REPLACE = provider_pb2.PropertyDiff.UPDATE, provider_pb2.PropertyDiff.UPDATE_REPLACE


def details(answer: Any) -> dict[str, int]:
    return {path: one.kind for path, one in answer.detailedDiff.items()}


def test_check_fills_in_the_official_defaults(plugin: Plugin) -> None:
    inputs = plugin.right("Container", **POSTGRES)
    assert (inputs["mustRun"], inputs["wait"], inputs["waitTimeout"]) == (True, False, 60)
    assert inputs["ports"][0]["protocol"] == "tcp"
    assert inputs["uploads"][0]["executable"] is False
    assert plugin.right("Network", name="dev")["driver"] == "bridge"
    assert plugin.right("RemoteImage", name="postgres:18")["keepLocally"] is False


def test_what_was_given_stays(plugin: Plugin) -> None:
    inputs = plugin.right("Container", **POSTGRES, waitTimeout=7, mustRun=False)
    assert (inputs["waitTimeout"], inputs["mustRun"], inputs["restart"]) == (7, False, "unless-stopped")


def test_checked_twice_is_checked_once(plugin: Plugin) -> None:
    once = plugin.right("Container", **POSTGRES)
    assert plugin.right("Container", **once) == once


@pytest.mark.parametrize(
    ("kind", "props", "path", "names"),
    [
        (
            "Container",
            POSTGRES | {"privileged": True},
            "privileged",
            ("privileged", "Container pg", "networksAdvanced"),
        ),
        ("Network", {"name": "dev", "internal": True}, "internal", ("internal", "Network pg", "name, driver, labels")),
        ("Volume", {"name": "dev", "driverOpts": {}}, "driverOpts", ("driverOpts", "Volume pg", "name, labels")),
        ("RemoteImage", {"name": "a", "build": {}}, "build", ("build", "RemoteImage pg", "name, keepLocally")),
        (
            "Container",
            POSTGRES | {"uploads": [{"file": "/a", "content": "b", "source": "/etc/passwd"}]},
            "uploads[0].source",
            ("source", "uploads[0]", "Container pg", "file, content, executable"),
        ),
        (
            "Container",
            POSTGRES | {"healthcheck": {"tests": ["CMD", "true"], "startInterval": "1s"}},
            "healthcheck.startInterval",
            ("startInterval", "healthcheck", "tests, interval, timeout, startPeriod, retries"),
        ),
    ],
)
def test_any_other_argument_is_refused_by_name(
    plugin: Plugin, kind: str, props: Props, path: str, names: tuple[str, ...]
) -> None:
    failures = plugin.check(kind, **props).failures
    assert list(failures) == [path]
    for name in names:
        assert name in failures[path]


@pytest.mark.parametrize(
    ("changed", "path", "words"),
    [
        ({"ports": [{"internal": 5432}]}, "ports[0].ip", "missing"),
        ({"ports": [{"internal": 70000, "ip": "127.0.0.1"}]}, "ports[0].internal", "65535"),
        ({"restart": "sometimes"}, "restart", "unless-stopped"),
        ({"healthcheck": {"tests": ["CMD", "true"], "interval": "5"}}, "healthcheck.interval", "500ms"),
        ({"uploads": [{"file": "password", "content": "x"}]}, "uploads[0].file", "absolute path"),
        ({"envs": ["PGDATA"]}, "envs[0]", "NAME=VALUE"),
        ({"maxRetryCount": 3}, "", "maxRetryCount"),
        ({"memory": 512, "memorySwap": 256}, "", "memorySwap"),
        ({"logOpts": {"max-size": "1m"}}, "", "logDriver"),
    ],
)
def test_a_value_that_will_not_do_is_refused(plugin: Plugin, changed: Props, path: str, words: str) -> None:
    failures = plugin.check("Container", **POSTGRES | changed).failures
    assert list(failures) == [path]
    assert words in failures[path]


def test_a_resource_without_a_name_is_given_one_that_is_new(plugin: Plugin) -> None:
    names = [plugin.right("Volume")["name"] for _ in range(2)]
    assert len(set(names)) == 2
    assert all(re.fullmatch(r"[a-z]+-[0-9a-f]{7}", name) for name in names)


def test_an_image_needs_its_name(plugin: Plugin) -> None:
    assert "name is missing" in plugin.check("RemoteImage", keepLocally=True).failures["name"]


def test_a_refusal_does_not_tell_the_value(plugin: Plugin) -> None:
    failures = plugin.check("Container", **POSTGRES | {"envs": [Secret("hunter22")]}).failures
    assert list(failures) == ["envs[0]"]
    assert "hunter22" not in failures["envs[0]"]


def test_other_resources_are_refused_by_name(plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        plugin.check("docker:index/image:Image", imageName="x")
    assert "docker:index/image:Image" in refused.value.details()
    assert "Traceback" not in refused.value.details()


def test_environment_and_files_are_secrets_on_the_wire_whether_they_came_so_or_not(plugin: Plugin) -> None:
    props = POSTGRES | {"uploads": [{"file": "/a", "content": "plain"}, {"file": "/b", "content": Secret("marked")}]}
    answer = plugin.stub.Check(provider_pb2.CheckRequest(urn=urn("Container"), news=to_wire(props)))
    contents = [upload["content"] for upload in answer.inputs["uploads"]]
    assert [dict(content) for content in contents] == [
        {SIGNATURE: SECRET, "value": "plain"},
        {SIGNATURE: SECRET, "value": "marked"},
    ]
    assert dict(answer.inputs["envs"][0]) == {SIGNATURE: SECRET, "value": POSTGRES["envs"][0]}


def test_a_list_that_is_secret_as_a_whole_stays_so(plugin: Plugin) -> None:
    inputs = plugin.right("Container", **POSTGRES | {"envs": Secret(["A=1"]), "uploads": Secret(POSTGRES["uploads"])})
    assert inputs["envs"] == Secret(["A=1"])
    assert isinstance(inputs["uploads"], Secret)


def test_a_preview_may_know_nothing_yet(plugin: Plugin) -> None:
    unknown = dict.fromkeys(POSTGRES, UNKNOWN) | {"waitTimeout": UNKNOWN, "ports": [{"internal": UNKNOWN, "ip": "::1"}]}
    inputs = plugin.right("Container", **unknown)
    assert inputs["uploads"] == UNKNOWN
    _, outputs = plugin.create("Container", inputs, preview=True)
    assert outputs["networkDatas"] == UNKNOWN
    assert outputs["ports"] == [{"internal": UNKNOWN, "external": UNKNOWN, "ip": "::1", "protocol": "tcp"}]


def test_a_preview_of_a_container_knows_the_port_and_host_name_that_were_given(plugin: Plugin) -> None:
    id_, outputs = plugin.create("Container", plugin.right("Container", **POSTGRES), preview=True)
    assert id_ == ""
    assert outputs["ports"][0]["external"] == 15432
    assert outputs["hostname"] == "postgres"
    assert outputs["exitCode"] == UNKNOWN


def test_a_preview_of_an_image_does_not_know_its_id(plugin: Plugin) -> None:
    _, outputs = plugin.create("RemoteImage", plugin.right("RemoteImage", name="postgres:18"), preview=True)
    assert outputs == {"name": "postgres:18", "keepLocally": False, "imageId": UNKNOWN, "repoDigest": UNKNOWN}


@pytest.mark.parametrize(("kind", "props"), [("Container", POSTGRES), ("Volume", VOLUME)])
def test_no_change_is_no_difference(plugin: Plugin, kind: str, props: Props) -> None:
    inputs = plugin.right(kind, **props)
    answer = plugin.diff(kind, inputs, inputs)
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert details(answer) == {}


def test_a_default_that_an_older_state_lacks_is_no_difference(plugin: Plugin) -> None:
    answer = plugin.diff("Container", POSTGRES, plugin.right("Container", **POSTGRES))
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_what_the_official_plugin_adds_to_the_state_is_no_difference(plugin: Plugin) -> None:
    inputs = plugin.right("Container", **POSTGRES)
    officially = inputs | {"__defaults": ["rm"], "rm": False, "start": True}
    officially["uploads"] = [{**inputs["uploads"][0], "__defaults": [], "permissions": ""}]
    assert plugin.diff("Container", officially, inputs).changes == provider_pb2.DiffResponse.DIFF_NONE


@pytest.mark.parametrize(
    ("old", "new", "path", "kind"),
    [
        ({}, {"restart": "always"}, "restart", UPDATE),
        ({}, {"memory": 768}, "memory", UPDATE),
        ({}, {"memorySwap": 1024}, "memorySwap", ADD),
        ({"memorySwap": 1024}, {}, "memorySwap", DELETE),
        ({"mustRun": False}, {}, "mustRun", UPDATE),
        ({}, {"wait": True}, "wait", UPDATE),
        ({}, {"waitTimeout": 90}, "waitTimeout", UPDATE),
        ({}, {"destroyGraceSeconds": 20}, "destroyGraceSeconds", ADD),
        ({"restart": "on-failure", "maxRetryCount": 2}, {"restart": "on-failure"}, "maxRetryCount", DELETE),
    ],
)
def test_what_the_engine_can_change_stays_in_place(
    plugin: Plugin, old: Props, new: Props, path: str, kind: int
) -> None:
    answer = plugin.diff(
        "Container", plugin.right("Container", **POSTGRES | old), plugin.right("Container", **POSTGRES | new)
    )
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert details(answer) == {path: kind}
    assert list(answer.diffs) == [path]
    assert list(answer.replaces) == []


@pytest.mark.parametrize(
    ("changed", "details_of"),
    [
        ({"image": "sha256:2"}, {"image": UPDATE_REPLACE}),
        ({"labels": [{"label": "throughline.stack", "value": "x"}]}, {"labels[0].value": UPDATE_REPLACE}),
        ({"user": "postgres"}, {"user": ADD_REPLACE}),
        ({"hostname": None}, {"hostname": DELETE_REPLACE}),
        ({"memory": None}, {"memory": DELETE_REPLACE}),
        ({"tmpfs": {"/tmp": "size=64m"}}, {"tmpfs": ADD_REPLACE}),
        ({"command": ["postgres", "-c"]}, {"command[2]": DELETE_REPLACE}),
        ({"uploads": [{"file": "/run/password", "content": "changed"}]}, {"uploads[0].content": UPDATE_REPLACE}),
    ],
)
def test_everything_else_makes_another_container_after_the_old_one_went(
    plugin: Plugin, changed: Props, details_of: dict[str, int]
) -> None:
    new = plugin.right("Container", **POSTGRES | changed)
    answer = plugin.diff("Container", plugin.right("Container", **POSTGRES), new)
    assert details(answer) == details_of
    assert list(answer.replaces) == list(changed)
    assert answer.deleteBeforeReplace


@pytest.mark.parametrize("kind", ["Network", "Volume"])
def test_labels_of_networks_and_volumes_make_another_one_after_the_old_one_went(plugin: Plugin, kind: str) -> None:
    old, new = plugin.right(kind, **VOLUME), plugin.right(kind, name="dev-postgres")
    answer = plugin.diff(kind, old, new)
    assert details(answer) == {"labels": DELETE_REPLACE}
    assert answer.deleteBeforeReplace


def test_an_image_of_another_name_is_made_before_the_old_one_goes(plugin: Plugin) -> None:
    old, new = (plugin.right("RemoteImage", name=name) for name in ("postgres:17", "postgres:18"))
    answer = plugin.diff("RemoteImage", old, new)
    assert details(answer) == {"name": UPDATE_REPLACE}
    assert not answer.deleteBeforeReplace
    assert details(plugin.diff("RemoteImage", old, old | {"keepLocally": True})) == {"keepLocally": UPDATE}


def test_what_a_preview_does_not_know_may_have_changed(plugin: Plugin) -> None:
    new = plugin.right("Container", **POSTGRES | {"image": UNKNOWN})
    assert list(plugin.diff("Container", plugin.right("Container", **POSTGRES), new).replaces) == ["image"]


def test_a_preview_of_a_change_in_place_keeps_the_facts_and_one_of_a_start_does_not(plugin: Plugin) -> None:
    inputs = plugin.right("Container", **POSTGRES)
    outputs = inputs | {"bridge": "", "networkDatas": [{"networkName": "dev", "ipAddress": "10.0.0.2"}]}
    grown = plugin.update("Container", "1", inputs, outputs, inputs | {"memory": 768}, preview=True)
    assert grown["networkDatas"] == outputs["networkDatas"]
    started = plugin.update("Container", "1", inputs | {"mustRun": False}, outputs, inputs, preview=True)
    assert started["networkDatas"] == UNKNOWN


def test_provider_config_that_is_not_heeded_is_refused_by_name(plugin: Plugin) -> None:
    news = to_wire({"host": "ssh://builder", "version": "5.1.0", "sshOpts": "[]", "registryAuth": "[]"})
    answer = plugin.stub.CheckConfig(provider_pb2.CheckRequest(urn=urn("pulumi:providers:docker"), news=news))
    (failure,) = answer.failures
    assert failure.property == "registryAuth"
    assert "host, certPath" in failure.reason


def test_another_engine_is_a_change_of_the_provider(plugin: Plugin) -> None:
    old, new = ({"host": host} for host in ("unix:///a", "unix:///b"))
    answer = plugin.stub.DiffConfig(provider_pb2.DiffRequest(old_inputs=to_wire(old), news=to_wire(new)))
    assert list(answer.diffs) == ["host"]


def test_a_secret_does_not_show_where_a_value_is_printed() -> None:
    props = from_wire(to_wire({"password": Secret("hunter22")}))
    assert props["password"].value == "hunter22"
    assert "hunter22" not in repr(props)
