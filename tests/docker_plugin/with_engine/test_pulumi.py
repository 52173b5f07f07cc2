"""The whole way: a program with `pulumi_docker`, Pulumi, the installed plugin, the engine, and the state file."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation

from stacks.pulumi_cli import find_pulumi
from tests.docker_plugin.with_engine.conftest import LABEL, Bench
from tests.setup.conftest import CLOSED_PORT
from tools.setup.docker_plugin import SERVER, ensure_docker_plugin

PASSWORD = "correct horse battery"
TOKEN = "swordfish-and-more"


@dataclass
class Program:
    """What `program.py` is to make; changed between two runs."""

    name: str
    image: str
    label: dict[str, str]
    password: str = PASSWORD
    token: str = TOKEN
    memory: int = 64
    greeting: str = "hello"
    extra: dict[str, object] = field(default_factory=dict)


class Stack:
    """The program's stack, in a folder with its state and with a Pulumi home that has our plugin."""

    def __init__(self, folder: Path, program: Program) -> None:
        self.program = program
        self.state = folder / "state"
        self.state.mkdir()
        shutil.copyfile(Path(__file__).with_name("program.py"), folder / "__main__.py")
        (folder / "Pulumi.yaml").write_text("name: plugin\nruntime: python\n")
        options = automation.LocalWorkspaceOptions(work_dir=str(folder))
        self._stack = automation.create_stack("test", work_dir=str(folder), opts=options)

    def up(self, *, refresh: bool = False) -> automation.UpResult:
        return self._told().up(refresh=refresh)

    def preview(self, **options: bool) -> automation.PreviewResult:
        return self._told().preview(**options)

    def destroy(self) -> None:
        self._told().destroy()

    def _told(self) -> automation.Stack:
        self._stack.workspace.env_vars["PROGRAM"] = json.dumps(asdict(self.program))
        return self._stack


@pytest.fixture
def stack(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    environment = {
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "of the test",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_PYTHON_CMD": sys.executable,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PATH": os.pathsep.join([str(find_pulumi().parent), str(Path(sys.executable).parent), os.environ["PATH"]]),
        SERVER: CLOSED_PORT,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ensure_docker_plugin()
    stack = Stack(tmp_path, Program(bench.name, bench.image, {"label": LABEL, "value": bench.name}))
    yield stack
    stack.destroy()


def changes(result: Any) -> dict[str, int]:
    return {str(kind): number for kind, number in (result.summary.resource_changes or {}).items() if kind != "same"}


def test_a_stack_lives_changes_heals_and_goes(bench: Bench, stack: Stack) -> None:
    first = stack.up()
    assert changes(first) == {"create": 5}
    id_ = first.outputs["id"].value
    assert bench.run(id_, "cat", "/password") == PASSWORD
    assert first.outputs["port"].value >= 1024
    container = bench.engine.containers.get(id_)

    # Neither the state nor what Pulumi keeps of former states tells a secret, or what is in a file at all.
    kept = [path.read_text() for path in stack.state.rglob("*") if path.is_file()]
    assert any("docker:index/container:Container" in text for text in kept)
    for text in kept:
        assert PASSWORD not in text
        assert TOKEN not in text
        assert stack.program.greeting not in text

    # No change: neither by the program nor by what really stands.
    assert changes(stack.up()) == {}
    assert changes(stack.up(refresh=True)) == {}
    stack.preview(expect_no_changes=True, refresh=True)

    # In place.
    stack.program.memory = 96
    second = stack.up()
    assert changes(second) == {"update": 1}
    assert second.outputs["id"].value == id_
    container.reload()
    assert container.attrs["HostConfig"]["Memory"] == 96 * 1024 * 1024

    # Stopped by somebody: the same one runs again.
    container.stop(timeout=1)
    healed = stack.up(refresh=True)
    assert healed.outputs["id"].value == id_
    container.reload()
    assert container.attrs["State"]["Health"]["Status"] == "healthy"
    assert changes(stack.up(refresh=True)) == {}

    # Removed by somebody: another one.
    container.remove(force=True)
    id_ = stack.up(refresh=True).outputs["id"].value
    assert bench.engine.containers.get(id_).status == "running"

    # What cannot change in place: the old one goes first, since both bear the name.
    stack.program.greeting = "good day"
    preview = stack.preview()
    assert preview.change_summary.get("replace") == 1
    assert changes(stack.up()) == {"replace": 1}
    assert bench.containers() == [bench.name]

    stack.destroy()
    assert bench.containers() == []
    assert bench.engine.networks.list(names=[bench.name]) == []
    assert bench.engine.volumes.list(filters={"name": bench.name}) == []


def test_a_refusal_reaches_the_user_as_a_sentence(stack: Stack) -> None:
    stack.program.extra = {"privileged": True}
    with pytest.raises(automation.CommandError) as refused:
        stack.up()
    assert "does not know the argument privileged of Container container" in str(refused.value)


def test_a_failure_reaches_the_user_as_a_paragraph_and_the_next_up_recovers(bench: Bench, stack: Stack) -> None:
    stack.program.extra = {"user": "nobody-of-that-name"}
    with pytest.raises(automation.CommandError) as failed:
        stack.up()
    assert f"The Docker engine could not start the container {bench.name}" in str(failed.value)
    assert "Traceback" not in str(failed.value)
    assert bench.containers() == []
    stack.program.extra = {}
    stack.up()
    assert bench.containers() == [bench.name]
