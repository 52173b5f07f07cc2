"""An embedded part's files, data and identity, without starting it."""

import json
import shlex
import stat
from collections.abc import Mapping
from configparser import RawConfigParser
from pathlib import Path

import pytest

from pipeline_lib.model.errors import UserError
from stacks.embedded.connect import Connect
from stacks.embedded.kafka import Kafka
from stacks.embedded.part import EmbeddedPart, ensure_data, identity_of, write_files
from stacks.embedded.postgres import Postgres
from stacks.embedded.supervision import Command, Supervisor, _program_config
from stacks.kafka_settings import properties

PORTS = {"postgres": 21001, "kafka": 21002, "kafka_controller": 21003, "connect": 21004, "clickhouse": 21005}


class Store(EmbeddedPart):
    """A part that is only data."""

    name = "store"
    title = "The store"
    own_ports = ("clickhouse",)
    made = 0

    def version(self) -> str:
        return self.settings["version"]

    def secret_files(self) -> Mapping[str, str]:
        return {"secret": self.secrets["word"]}

    def command(self) -> Command:
        return Command(("true",), self.folder, {})

    def ready(self) -> bool:
        return True

    def make_data(self, folder: Path) -> None:
        (folder / "rows").write_text("1")


def store(tmp_path: Path, version: str = "1") -> Store:
    return Store(tmp_path, PORTS, {"version": version}, {"word": "s3cret"})


def test_data_are_made_once_and_keep_their_identity(tmp_path: Path) -> None:
    part = store(tmp_path)
    assert identity_of(part) is None
    identity = ensure_data(part)
    (part.data / "rows").write_text("2")
    assert ensure_data(part) == identity == identity_of(part)
    assert (part.data / "rows").read_text() == "2"


def test_an_interrupted_making_of_data_leaves_none_that_look_whole(tmp_path: Path) -> None:
    class Interrupted(Store):
        def make_data(self, folder: Path) -> None:
            super().make_data(folder)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_data(Interrupted(tmp_path, PORTS, {"version": "1"}, {}))
    assert identity_of(store(tmp_path)) is None
    ensure_data(store(tmp_path))
    assert (store(tmp_path).data / "rows").exists()


def test_data_of_another_version_are_refused_and_left_alone(tmp_path: Path) -> None:
    ensure_data(store(tmp_path, "1"))
    with pytest.raises(UserError, match="made by version 1, and this is 2") as refused:
        ensure_data(store(tmp_path, "2"))
    assert "throughline down" in str(refused.value)
    assert (store(tmp_path).data / "rows").exists()


def test_files_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    part = store(tmp_path)
    part.data.mkdir(parents=True)
    (part.data / "precious").write_text("mine")
    with pytest.raises(UserError, match="left alone"):
        ensure_data(part)
    assert (part.data / "precious").read_text() == "mine"


def test_secret_files_are_the_owners_alone_and_secrets_are_not_shown(tmp_path: Path) -> None:
    part = store(tmp_path)
    write_files(part)
    assert stat.S_IMODE((part.folder / "secret").stat().st_mode) == 0o600
    assert "s3cret" not in repr(part)


@pytest.mark.parametrize("kind", [Postgres, Kafka, Connect])
def test_parts_bind_to_loopback_and_keep_secrets_out_of_files_that_all_may_read(
    kind: type[EmbeddedPart], tmp_path: Path
) -> None:
    settings = {"heap": "1g", "version": "18", "kafka": "abc"}
    part = kind(tmp_path, PORTS, settings, {"admin": "s3cret", "replication": "s3cret"})
    text = "\n".join(part.files().values())
    assert "s3cret" not in text
    assert "0.0.0.0" not in text
    assert "127.0.0.1" in text
    assert str(part.port()) in text


def test_connect_looks_for_plugins_only_where_it_is_told_to(tmp_path: Path) -> None:
    def worker(**settings: str) -> str:
        return Connect(tmp_path, PORTS, {"heap": "1g", "kafka": "abc", **settings}, {}).files()["worker.properties"]

    assert "plugin.path" not in worker()
    assert "plugin.path=/a/folder\n" in worker(plugins="/a/folder")


def test_properties_escape_backslashes() -> None:
    assert properties({"a": "C:\\x", "b": 1}) == "a=C:\\\\x\nb=1\n"


def test_a_command_comes_out_of_supervisords_config_as_it_went_in(tmp_path: Path) -> None:
    folder = tmp_path / "a 100% place"
    command = Command(("java", "-Dx=%d", "with space", 'a"quote'), folder, {"KEY": "50%"})
    parser = RawConfigParser()
    parser.read_string(_program_config(Supervisor(folder), "kafka", command))
    section = dict(parser["program:kafka"])
    assert shlex.split(section["command"].replace("%%", "%")) == list(command.argv)
    assert section["directory"].replace("%%", "%") == str(folder)


def test_a_folder_too_deep_for_a_socket_gets_a_short_one() -> None:
    deep = Supervisor(Path("/" + "x" * 120))
    assert len(str(deep.socket)) < 100
    assert deep.socket != Supervisor(Path("/" + "y" * 120)).socket
    assert Supervisor(Path("/short")).socket == Path("/short/supervisor.sock")


def test_identities_are_json_that_a_person_can_read(tmp_path: Path) -> None:
    part = store(tmp_path)
    identity = ensure_data(part)
    assert json.loads((part.data / "throughline.json").read_text()) == {"id": identity, "version": "1"}
