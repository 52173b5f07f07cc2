"""Bringing an engine up for tests: what answers is used, what is started is ended, and the rest is told."""

import dataclasses
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_lib.model.errors import UserError
from tools.engine.__main__ import down, during, install_from_debian, main, up
from tools.engine.answering import Answer, ask
from tools.engine.daemon import Daemon

NOWHERE = "tcp://127.0.0.1:9"


@pytest.fixture
def second() -> Iterator[Daemon]:
    """A daemon beside the one that the tests run on, with folders, mounts and a network of its own.

    In the machine's own network it would remove the bridge of the first.
    """
    # Not pytest's folder: the path of a socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="engine") as name:
        folder = Path(name)
        daemon = Daemon(
            pid_file=folder / "pid",
            log=folder / "log",
            host=f"unix://{folder}/socket",
            program=("unshare", "--net", "--mount", "--", "dockerd"),
            options=(
                *(f"--data-root={folder}/data", f"--exec-root={folder}/exec"),
                *("--bridge=none", "--iptables=false", "--ip-forward=false"),
            ),
        )
        yield daemon
        daemon.stop()


def test_an_engine_that_answers_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up"]) == 0
    assert f"Docker {ask().version} answers" in capsys.readouterr().out


def test_an_engine_is_started_once_and_ended(second: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert not ask(second.host).version
    assert "which `down` ends" in up(second)
    pid = second.pid()
    assert pid is not None
    asked = ["docker", "--host", second.host, "info", "--format", "{{json .DockerRootDir}}"]
    assert json.loads(subprocess.run(asked, capture_output=True, check=True).stdout) == str(second.log.parent / "data")

    up(second)
    assert second.pid() == pid
    assert down(second) == f"dockerd with the pid {pid} has ended."
    assert not ask(second.host).version
    assert ask().version


def test_a_command_has_an_engine_that_goes_with_it_if_it_came_for_it(
    second: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    command = ["docker", "--host", second.host, "version"]
    assert during(second, command) == 0
    assert second.pid() is None
    up(second)
    assert during(second, ["false"]) == 1
    assert second.pid() is not None


def test_an_engine_that_is_not_ours_is_not_ended(second: Daemon) -> None:
    """Its pid file may name a process that has taken the number over."""
    assert "nothing was ended" in down(second)
    with subprocess.Popen(["sleep", "600"]) as stranger:
        second.pid_file.write_text(str(stranger.pid))
        assert "nothing was ended" in down(second)
        assert stranger.poll() is None
        stranger.kill()


def test_a_daemon_that_cannot_start_leaves_its_last_words(second: Daemon) -> None:
    broken = dataclasses.replace(second, options=("--storage-driver=no-such-driver", *second.options))
    with pytest.raises(UserError) as refused:
        broken.start()
    assert str(second.log) in refused.value.paragraph
    assert "no-such-driver" in refused.value.evidence


def test_a_user_who_may_not_talk_to_the_engine_is_told_how_to(second: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is what Docker says to `nobody` at a socket of root's."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    second.log.parent.chmod(0o755)
    second.start()
    told = subprocess.run(
        ["docker", "--host", second.host, "version"], user="nobody", env={"HOME": "/"}, capture_output=True, text=True
    )
    assert told.returncode != 0
    assert Answer(reason=told.stderr).denied
    monkeypatch.setattr("tools.engine.__main__.ask", lambda host: Answer(reason=told.stderr.strip()))
    with pytest.raises(UserError, match="usermod -aG docker"):
        up(second)


def test_a_package_that_debian_does_not_have_is_told_in_apt_s_words() -> None:
    install_from_debian("docker.io")  # it is there: nothing changes
    with pytest.raises(UserError) as refused:
        install_from_debian("throughline-has-no-such-package")
    assert "throughline-has-no-such-package" in refused.value.paragraph
    assert "Unable to locate package" in refused.value.evidence
