"""Where a checkout keeps its stacks, and the environment in which Pulumi finds them.

Without PULUMI_BACKEND_URL and PULUMI_CONFIG_PASSPHRASE(_FILE) in the environment they are the checkout's own: state in
`.throughline/state/`, and beside it a passphrase that was made once. `throughline env` prints the environment for a
shell, so that `pulumi` by hand sees the same stacks.
"""

import os
import secrets
import sys
from pathlib import Path

from pipeline_lib.model.errors import UserError
from stacks.pulumi_cli import find_pulumi

ROOT = Path(__file__).resolve().parents[1]
"""The Pulumi project: where Pulumi.yaml is."""


def state_folder() -> Path:
    """Everything that this checkout's stacks keep: `.throughline/` in it, unless $THROUGHLINE_HOME says otherwise."""
    chosen = os.environ.get("THROUGHLINE_HOME")
    return Path(chosen).expanduser().resolve() if chosen else ROOT / ".throughline"


def environment() -> dict[str, str]:
    """What Pulumi is run with, over and above what is in the environment already."""
    path = [str(find_pulumi().parent), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    chosen = {
        "PATH": os.pathsep.join(path),
        "PULUMI_PYTHON_CMD": sys.executable,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The plugin for dynamic resources comes with Pulumi; those that other installed packages name are not used,
        # and looking for them on the network costs seconds where there is none.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    try:
        if "PULUMI_BACKEND_URL" not in os.environ:
            state = state_folder() / "state"
            state.mkdir(parents=True, exist_ok=True)
            chosen["PULUMI_BACKEND_URL"] = f"file://{state}"
        if not {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & os.environ.keys():
            chosen["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(_passphrase_file())
    except OSError as error:
        raise UserError(
            f"The state of this checkout's stacks cannot be kept in {state_folder()}: {error.strerror}. Make room or "
            "give rights there, or choose another place with THROUGHLINE_HOME."
        ) from None
    return chosen


def _passphrase_file() -> Path:
    state_folder().mkdir(parents=True, exist_ok=True)
    path = state_folder() / "passphrase"
    if path.exists():
        return path
    draft = path.with_name(f"passphrase.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(24))
    try:
        path.hardlink_to(draft)  # unlike a rename, it leaves alone one that another process made meanwhile
    except FileExistsError:
        return path
    finally:
        draft.unlink()
    return path
