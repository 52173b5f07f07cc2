"""A Docker engine's own objects for each test, and a tiny image that comes from no registry of images.

The engine is the one that `docker` speaks to (DOCKER_HOST, else the machine's own). Everything that a test makes bears
its label, and is looked for and removed when the test has ended.
"""

import io
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from tests.docker_plugin.plugin import Plugin, running_plugin
from tools.docker_plugin.values import Props

LABEL = "throughline.test"


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """Docker's client, to look at what the plugin did."""
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of an image that holds Debian's static busybox and nothing else."""
    folder = tmp_path_factory.mktemp("busybox")
    subprocess.run(["apt-get", "download", "busybox-static"], cwd=folder, check=True, capture_output=True)
    (package,) = folder.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", package, folder / "unpacked"], check=True)
    (busybox,) = (path for path in (folder / "unpacked").rglob("bin/busybox") if path.is_file())
    name = f"throughline-test/busybox:{uuid.uuid4().hex[:8]}"
    repository, _, tag = name.rpartition(":")
    engine.api.import_image_from_data(_root(busybox), repository=repository, tag=tag, changes=["ENV PATH=/bin"])
    yield name
    engine.images.remove(name, force=True)


def _root(busybox: Path) -> bytes:
    """A root file system as a tar."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("bin", "etc", "tmp"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        tar.add(busybox, "bin/busybox")
        for applet in ("sh", "sleep", "cat", "stat", "httpd", "nslookup", "id", "echo", "true", "false", "kill"):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return packed.getvalue()


@dataclass(frozen=True)
class Bench:
    """What a test works with: the plugin, a name of its own, and the label of all that it makes."""

    plugin: Plugin
    engine: docker.DockerClient
    name: str
    image: str

    @property
    def labels(self) -> list[Props]:
        """The test's label, as an argument."""
        return [{"label": LABEL, "value": self.name}]

    def container(self, **more: object) -> Props:
        """Checked inputs of a container that sleeps until it is told to stop, or does what `more` says."""
        sleeping = ["sh", "-c", "trap 'exit 0' TERM; echo awake; sleep 3600 & wait"]
        props = {"name": self.name, "image": self.image, "command": sleeping, "labels": self.labels, "stopTimeout": 5}
        return self.plugin.right("Container", **props | more)

    def run(self, container_id: str, *command: str) -> str:
        """What a command in a container prints."""
        result = self.engine.containers.get(container_id).exec_run(list(command))
        assert result.exit_code == 0, result.output
        return str(result.output.decode()).strip()

    def containers(self) -> list[str]:
        """The names of the test's containers, running or not."""
        mine = self.engine.containers.list(all=True, filters={"label": f"{LABEL}={self.name}"})
        return [str(container.name) for container in mine]


@pytest.fixture
def bench(engine: docker.DockerClient, image: str) -> Iterator[Bench]:
    name = f"throughline-test-{uuid.uuid4().hex[:8]}"
    with running_plugin() as plugin:
        plugin.configure()
        yield Bench(plugin, engine, name, image)
    mine = {"label": f"{LABEL}={name}"}
    for container in engine.containers.list(all=True, filters=mine):
        container.remove(force=True, v=True)
    for network in engine.networks.list(filters=mine):
        network.remove()
    for volume in engine.volumes.list(filters=mine):
        volume.remove(force=True)
