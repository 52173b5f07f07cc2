"""Step 2: the jars of `tools/jars.lock.json` into the cache, fetched side by side, each held against its SHA-256.

jgo is the downloader and knows Maven Central's address; what it fetched is kept apart until we have checked it, then
renamed into its place, so that an interrupted or altered download never bears a jar's name. jgo itself would only warn.
"""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from pipeline_lib.model.errors import UserError
from stacks.jar_lock import LOCK, Jar, jar_folder, locked_jars
from tools.setup.exclusive import only_one
from tools.setup.progress import Step, step

MIRROR = "THROUGHLINE_MAVEN_MIRROR"
"""Environment variable: the URL of a Maven repository to use instead of Maven Central."""

AT_ONCE = 8
ATTEMPTS = 4
TIMEOUT_S = 30
"""How long a repository may say nothing before an attempt is given up."""

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def ensure_jars(lock: Path = LOCK) -> bool:
    """Fetches what the cache lacks of the lock's jars; False if that is nothing."""
    jars = locked_jars(lock)
    if not _missing(jars):
        return False
    with only_one(jar_folder() / "set-up.lock"):
        missing = _missing(jars)
        if not missing:
            return False
        size_mb = sum(jar.size for jar in missing) / 1e6
        what = f"{len(missing)} of the {len(jars)} jars of tools/{lock.name} ({size_mb:.0f} MB) from {_repository()}"
        with step("jars", what) as shown:
            _fetch_all(missing, shown)
    return True


def _missing(jars: Sequence[Jar]) -> list[Jar]:
    return [jar for jar in jars if not (jar.path.is_file() and jar.path.stat().st_size == jar.size)]


def _repository() -> str:
    return os.environ.get(MIRROR) or "Maven Central"


def _fetch_all(jars: Sequence[Jar], shown: Step) -> None:
    unchecked = jar_folder() / ".unchecked"
    shutil.rmtree(unchecked, ignore_errors=True)
    unchecked.mkdir(parents=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        fetches = [pool.submit(_fetch, jar, unchecked) for jar in jars]
        try:
            for done, fetch in enumerate(as_completed(fetches), start=1):
                fetch.result()
                shown.say(f"{done} of {len(jars)} jars")
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            shutil.rmtree(unchecked, ignore_errors=True)


def _fetch(jar: Jar, unchecked: Path) -> None:
    try:
        _put_in_place(jar, _download(jar, unchecked))
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise UserError(
            f"There is no room for {jar.file_name} ({jar.size / 1e6:.1f} MB) in {jar_folder()}: {error.strerror}. "
            "Free some space or let THROUGHLINE_CACHE name a folder with more, and run `make setup` again: "
            "the jars that are there already are kept."
        ) from error


def _download(jar: Jar, unchecked: Path) -> Path:
    """The jar as the repository gave it, in a folder of its own for each attempt: jgo takes what lies there for whole.

    jgo raises requests' errors, of which those with an errno of their own are the disk's, and RuntimeError for an
    answer other than 200.
    """
    # Only a set-up that has something to fetch pays for these imports.
    import requests
    from jgo.maven import MavenContext
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

    mirror = os.environ.get(MIRROR)
    repositories = {"mirror": mirror.rstrip("/")} if mirror else None

    def attempt() -> Path:
        context = MavenContext(
            repo_cache=Path(tempfile.mkdtemp(dir=unchecked)), remote_repos=repositories, timeout=TIMEOUT_S
        )
        component = context.project(jar.group, jar.artifact).at_version(jar.version)
        return Path(component.artifact(classifier=jar.classifier).resolve())

    retrying = Retrying(
        retry=retry_if_exception_type((requests.RequestException, RuntimeError)),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=0.25, max=4),
        reraise=True,
    )
    try:
        return retrying(attempt)
    except (requests.RequestException, RuntimeError) as error:
        raise UserError(
            f"{jar.file_name} could not be fetched from {_repository()}: {error}. If this machine reaches Maven "
            f"Central only by a mirror or a proxy, name it ({MIRROR} is the mirror's URL, HTTPS_PROXY the proxy's) "
            "and run `make setup` again: the jars that are there already are kept."
        ) from error


def _put_in_place(jar: Jar, fetched: Path) -> None:
    found = hashlib.sha256(fetched.read_bytes()).hexdigest()
    if found != jar.sha256:
        raise UserError(
            f"{jar.file_name} from {_repository()} is not the jar of tools/jars.lock.json: its SHA-256 is {found}, "
            f"the lock says {jar.sha256}. It was thrown away. If it was damaged on the way, `make setup` fetches it "
            f"again; if it is always so, the repository serves something else: name another one in {MIRROR}, or have "
            "somebody look into it before `make lock-jars` accepts it."
        )
    jar.path.parent.mkdir(parents=True, exist_ok=True)
    fetched.replace(jar.path)
