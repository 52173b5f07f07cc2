"""Where what set-up fetched or built is kept: one folder a user, outside every checkout.

Everything in it is named by its version or verified by its checksum, so checkouts share it and it may be deleted at any
time: `make setup` fills it again. `$THROUGHLINE_CACHE` moves it; without that it follows the XDG Base Directory
Specification (`$XDG_CACHE_HOME`, else `~/.cache`).
"""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The cache's absolute path; it need not exist yet."""
    if chosen := os.environ.get("THROUGHLINE_CACHE"):
        return Path(chosen).expanduser().absolute()
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg).absolute() / "throughline"
    return Path.home() / ".cache" / "throughline"
