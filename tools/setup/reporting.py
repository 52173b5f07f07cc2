"""How a step of set-up that is run as a program ends: with a status, and with a paragraph if it failed."""

import errno
import sys
from collections.abc import Callable

from pipeline_lib.model.errors import UserError

REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOSPC, errno.EDQUOT)


def reported(work: Callable[[], object]) -> int:
    """Does the work; its exit status. What a user can mend is a paragraph, a defect of ours keeps its traceback."""
    try:
        work()
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in REFUSED or error.filename is None:
            raise
        print(
            f"Set-up could not write {error.filename}: {error.strerror}. Make room or see to the permissions there, or "
            "let THROUGHLINE_CACHE name another folder for what is fetched, and run `make setup` again.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("Interrupted. `make setup` goes on where it stopped.", file=sys.stderr)
        return 130
    return 0
