"""Real stacks, driven as a user drives them: by `throughline` and `pulumi`, in a state folder of the test's own.

A `Lab` is one such folder. Whatever a test leaves standing in it is taken away at the end.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import clickhouse_connect
import psutil
import pytest
from clickhouse_connect.driver.client import Client

from pipeline_lib.model.endpoints import Endpoints, reveal
from stacks.embedded.supervision import processes_of
from stacks.embedded.unprivileged import SYSTEM_FOLDER
from stacks.state import ROOT

Ran = subprocess.CompletedProcess[str]
_BY_HAND = 'eval "$("$0" -m stacks.cli env)" && exec pulumi --non-interactive "$@"'


@dataclass
class Lab:
    """A state folder and the stacks in it."""

    home: Path
    root: Path = ROOT
    stacks: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "THROUGHLINE_HOME": str(self.home),
            "PYTHONPATH": str(self.root),
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }

    def new_stack(self) -> str:
        """A name that no other test uses."""
        self.stacks.append(f"test-{uuid.uuid4().hex[:8]}")
        return self.stacks[-1]

    def throughline(self, *arguments: str, fails: bool = False, **environment: str) -> Ran:
        """Runs `throughline`; the test fails unless it succeeds, or fails where it should."""
        return self._run([sys.executable, "-m", "stacks.cli", *arguments], fails=fails, **environment)

    def pulumi(self, *arguments: str, fails: bool = False) -> Ran:
        """Runs `pulumi` by hand, in the environment that `throughline env` prints."""
        return self._run(["bash", "-c", _BY_HAND, sys.executable, *arguments], fails=fails)

    def _run(self, command: list[str], *, fails: bool, **environment: str) -> Ran:
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env={**self.environment, **environment},
            cwd=self.root,
            timeout=300,
            check=False,
        )
        assert (ran.returncode != 0) == fails, ran.stdout + ran.stderr
        return ran

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts `throughline` and does not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "stacks.cli", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=self.root,
        )

    def up(self, *arguments: str) -> str:
        """A stack of its own, up."""
        stack = self.new_stack()
        self.throughline("up", "--stack", stack, *arguments)
        return stack

    def changes(self, ran: Ran) -> set[str]:
        """What an `up` or `down` said that it changed: "kafka created", "topic created anew", …"""
        return {line.split(" s  ", 1)[1] for line in ran.stdout.splitlines() if " s  " in line}

    def outputs(self, stack: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(
            self.pulumi("stack", "output", "--json", "--show-secrets", "--stack", stack).stdout
        )
        return told

    def endpoints(self, stack: str) -> Endpoints:
        told = self.throughline("endpoints", "--stack", stack, "--json", "--show-secrets")
        return Endpoints.model_validate_json(told.stdout)

    @contextmanager
    def analyst(self, stack: str) -> Iterator[Client]:
        """ClickHouse as an analyst."""
        where = self.endpoints(stack).clickhouse
        with clickhouse_connect.get_client(
            host=where.host,
            port=where.port,
            username=where.user,
            password=reveal(where.password),
            database=where.database,
        ) as client:
            yield client

    def folder(self, stack: str) -> Path:
        return Path(self.outputs(stack)["folder"])

    def parts(self, stack: str) -> dict[str, dict[str, Any]]:
        """`throughline status`, by part."""
        told = json.loads(self.throughline("status", "--stack", stack, "--json").stdout)
        return {part["part"]: part for part in told["parts"]}

    def processes(self) -> list[psutil.Process]:
        """Every process of the lab's stacks."""
        elsewhere = [process for stack in self.stacks for process in processes_of(SYSTEM_FOLDER / f"{stack}-")]
        return processes_of(self.home) + elsewhere

    def clean_up(self) -> None:
        """Takes away what stands."""
        for stack in self.stacks:
            subprocess.run(
                [sys.executable, "-m", "stacks.cli", "down", "--stack", stack],
                env=self.environment,
                cwd=self.root,
                capture_output=True,
                check=False,
                timeout=300,
            )
            (self.root / f"Pulumi.{stack}.yaml").unlink(missing_ok=True)


def passwords(endpoints: Endpoints) -> set[str]:
    """Every password of a stack."""
    return {
        reveal(credentials.password)
        for system in (endpoints.postgres, endpoints.clickhouse)
        for credentials in (system, *system.users.values())
    }


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A state folder of this test's own."""
    made = Lab(tmp_path / "throughline")
    yield made
    made.clean_up()
    assert made.processes() == []


@pytest.fixture(scope="module")
def warm_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A state folder that the module's tests share."""
    made = Lab(tmp_path_factory.mktemp("warm") / "throughline")
    yield made
    made.clean_up()
    assert made.processes() == []


@pytest.fixture(scope="module")
def warm(warm_lab: Lab) -> str:
    """A stack that the module's tests share and leave as they found it."""
    return warm_lab.up()


@pytest.fixture(autouse=True)
def _no_stack_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "THROUGHLINE_STACK",
        "PULUMI_BACKEND_URL",
        "PULUMI_CONFIG_PASSPHRASE",
        "PULUMI_CONFIG_PASSPHRASE_FILE",
    ):
        monkeypatch.delenv(name, raising=False)
