"""The page that stakeholders read: the messages in Cucumber's own HTML formatter, which runs on node."""

import shutil
import subprocess
from pathlib import Path

from pipeline_lib.model.errors import UserError

FOLDER = Path(__file__).parent / "node"
FORMATTER = Path("node_modules") / "@cucumber" / "html-formatter"
LONGEST_S = 120


def write_page(messages: Path, page: Path, node: str | None = None, folder: Path = FOLDER) -> None:
    """Makes the page of a file of messages; raises UserError if node or the formatter is not at hand, or fails.

    `folder` is where npm has installed the formatter.
    """
    found = shutil.which(node or "node")
    if found is None:
        raise UserError(
            f"No page is made of {messages}, for node is not at hand: it was looked for as '{node or 'node'}'. Install "
            "Node.js 20 or later; the messages are there all the same."
        )
    if not (folder / FORMATTER).is_dir():
        raise UserError(
            f"No page is made of {messages}, for Cucumber's HTML formatter is not installed. `make report-tools` "
            "installs it, by npm; the messages are there all the same."
        )
    page.parent.mkdir(parents=True, exist_ok=True)
    ran = subprocess.run(
        [found, str(folder / "page.mjs"), str(messages), str(page)],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_S,
    )
    if ran.returncode != 0:
        raise UserError(
            f"No page is made of {messages}: Cucumber's HTML formatter failed with '{ran.stderr.strip()[-300:]}'. The "
            "messages are there all the same."
        )
