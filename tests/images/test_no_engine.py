"""Where there is no engine and none can be brought up, a user is told what to do."""

from pathlib import Path

import pytest

from pipeline_lib.model.errors import UserError
from tools.engine.__main__ import up
from tools.engine.answering import Answer, ask
from tools.engine.daemon import Daemon

NOWHERE = "tcp://127.0.0.1:9"


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    return Daemon(tmp_path / "pid", tmp_path / "log", f"unix://{tmp_path}/socket")


def test_an_engine_that_docker_host_names_is_the_user_s_affair(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    with pytest.raises(UserError, match=rf"DOCKER_HOST names \({NOWHERE}\) does not answer.*unset DOCKER_HOST"):
        up(Daemon(daemon.pid_file, daemon.log))
    assert daemon.pid() is None


def test_without_docker_s_command_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert ask() == Answer(reason="there is no `docker` on PATH")


def test_where_no_engine_can_be_brought_up_it_is_said_what_to_install(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(UserError, match=r"Only as root on Debian .* install Docker"):
        up(daemon)
    assert daemon.pid() is None
