"""The one kind of error that a user is meant to read.

A `UserError` is one paragraph: what was wrong, where, and what to do. Whoever shows it (CLI, Pulumi, pytest) prints
it as it is, without a traceback. Everything else that is raised is a defect of ours and keeps its traceback.
"""


class UserError(Exception):
    """What was wrong, where, and the way out, in one paragraph; `evidence` is shown below it, line by line."""

    def __init__(self, paragraph: str, evidence: str = "") -> None:
        self.paragraph = paragraph
        self.evidence = evidence
        super().__init__(f"{paragraph}\n{evidence}" if evidence else paragraph)
