"""Fetching the jars, from a repository on loopback that serves real ones: the three smallest of the lock."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_lib.model.errors import UserError
from stacks.embedded.jars import classpath, version_of
from stacks.jar_lock import Jar, jar_folder, locked_jars
from tests.setup.conftest import CLOSED_PORT, WebServer
from tools.setup.jars import MIRROR, ensure_jars
from tools.setup.jars_lock import as_json

FETCH = "import sys, pathlib; from tools.setup.jars import ensure_jars; ensure_jars(pathlib.Path(sys.argv[1]))"
"""What a process of its own runs, given the lock."""

REAL = [(jar, jar.path.read_bytes()) for jar in sorted(locked_jars(), key=lambda jar: jar.size)[:3]]
"""Jars as set-up put them into the user's cache, read before a test has a cache of its own."""

JARS = [jar for jar, _ in REAL]
LAST = JARS[-1]


def url_path(jar: Jar) -> str:
    return jar.path.relative_to(jar_folder()).as_posix()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock.json"
    path.write_text(as_json(JARS))
    return path


@pytest.fixture
def mirror(cache: Path, web_server: WebServer, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    monkeypatch.setenv(MIRROR, web_server.url)
    web_server.files = {url_path(jar): content for jar, content in REAL}
    return web_server


def cached_files(cache: Path) -> set[str]:
    return {path.name for path in cache.rglob("*") if path.is_file()} - {"set-up.lock"}


def names(*jars: Jar) -> set[str]:
    return {jar.file_name for jar in jars}


def test_all_jars_are_fetched_and_are_the_repository_s(lock: Path, mirror: WebServer) -> None:
    assert ensure_jars(lock)
    assert {jar.path.read_bytes() for jar in JARS} == set(mirror.files.values())


def test_a_second_set_up_fetches_nothing(lock: Path, mirror: WebServer) -> None:
    ensure_jars(lock)
    mirror.requests.clear()
    assert not ensure_jars(lock)
    assert not mirror.requests


def test_only_what_a_broken_download_left_out_is_fetched_again(lock: Path, mirror: WebServer, cache: Path) -> None:
    mirror.cut_off = {url_path(LAST)}
    with pytest.raises(UserError, match=re.escape(LAST.file_name)):
        ensure_jars(lock)
    assert LAST.file_name not in cached_files(cache)

    there = cached_files(cache)
    mirror.cut_off.clear()
    mirror.requests.clear()
    ensure_jars(lock)
    assert cached_files(cache) == names(*JARS)
    assert set(mirror.requests) == {url_path(jar) for jar in JARS if jar.file_name not in there}


def test_a_set_up_killed_in_mid_download_is_resumed(lock: Path, mirror: WebServer, cache: Path) -> None:
    mirror.stall = {url_path(LAST)}
    with subprocess.Popen([sys.executable, "-c", FETCH, lock]) as killed:
        assert mirror.stalled.wait(60)
        killed.send_signal(signal.SIGKILL)
    assert not LAST.path.exists()

    mirror.stall.clear()
    mirror.released.set()
    ensure_jars(lock)
    assert cached_files(cache) == names(*JARS)


def test_a_jar_that_is_not_the_lock_s_is_refused(lock: Path, mirror: WebServer, cache: Path) -> None:
    content = mirror.files[url_path(LAST)]
    mirror.files[url_path(LAST)] = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(UserError) as refused:
        ensure_jars(lock)
    assert refused.value.paragraph.startswith(f"{LAST.file_name} from {mirror.url} is not the jar of")
    assert f"the lock says {LAST.sha256}" in refused.value.paragraph
    assert "fetches it again" in refused.value.paragraph
    assert LAST.file_name not in cached_files(cache)


def test_a_damaged_jar_in_the_cache_is_replaced(lock: Path, mirror: WebServer) -> None:
    ensure_jars(lock)
    LAST.path.write_bytes(b"half")
    assert ensure_jars(lock)
    assert LAST.path.read_bytes() == mirror.files[url_path(LAST)]


@pytest.mark.parametrize("repository", ["unreachable", "without the jar"])
def test_a_repository_that_does_not_help_is_one_paragraph(
    repository: str, lock: Path, mirror: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if repository == "unreachable":
        monkeypatch.setenv(MIRROR, CLOSED_PORT)
    mirror.files.clear()
    with pytest.raises(UserError) as refused:
        ensure_jars(lock)
    text = str(refused.value)
    assert any(text.startswith(f"{jar.file_name} could not be fetched from http://127.0.0.1") for jar in JARS)
    assert MIRROR in text
    assert "run `make setup` again" in text
    assert "\n" not in text


def test_no_space_is_one_paragraph_and_what_was_fetched_is_kept(lock: Path, mirror: WebServer, cache: Path) -> None:
    """The kernel refuses this process any file longer than the second jar, as a full disk would the third."""
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({JARS[1].size},) * 2)\n"
    told = subprocess.run([sys.executable, "-c", limited + FETCH, lock], capture_output=True, text=True)
    assert f"UserError: There is no room for {LAST.file_name}" in told.stderr
    assert "THROUGHLINE_CACHE" in told.stderr
    assert cached_files(cache) <= names(*JARS[:2])

    ensure_jars(lock)
    assert cached_files(cache) == names(*JARS)


def test_two_set_ups_at_once_fetch_each_jar_once(lock: Path, mirror: WebServer, cache: Path) -> None:
    mirror.stall = {url_path(LAST)}
    first = subprocess.Popen([sys.executable, "-c", FETCH, lock])
    assert mirror.stalled.wait(60)
    second = subprocess.Popen([sys.executable, "-c", FETCH, lock], stderr=subprocess.PIPE, text=True)
    assert second.stderr is not None
    assert "Another set-up is at work" in second.stderr.readline()
    mirror.stall.clear()
    mirror.released.set()
    second.stderr.read()
    assert (first.wait(), second.wait()) == (0, 0)
    assert cached_files(cache) == names(*JARS)
    assert mirror.requests == dict.fromkeys(map(url_path, JARS), 1)


def test_a_missing_jar_is_named_with_the_way_out(cache: Path) -> None:
    jars = locked_jars()
    all_of_them = f"{len(jars)} of the {len(jars)} jars"
    with pytest.raises(UserError, match=rf"{all_of_them} .*{re.escape(jars[0].file_name)}.*`make setup`"):
        classpath()


def test_the_classpath_is_the_lock_s() -> None:
    assert [path.name for path in classpath()] == [jar.file_name for jar in locked_jars()]


def test_a_version_is_the_lock_s() -> None:
    assert version_of(LAST.artifact) == LAST.version
    with pytest.raises(KeyError):
        version_of("zookeeper")
