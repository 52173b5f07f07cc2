"""What a scenario was seen to do, in values that JSON can hold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Status = str
"""One of Cucumber's: PASSED, FAILED, SKIPPED, UNDEFINED."""


@dataclass(frozen=True)
class Attachment:
    """Evidence, as text of a media type."""

    name: str
    media_type: str
    body: str


@dataclass(frozen=True)
class StepRecord:
    """One step: when it began (seconds after 1970), how long it took, and what came of it."""

    status: Status
    started_s: float
    seconds: float = 0.0
    error: str = ""
    trace: str = ""
    attachments: tuple[Attachment, ...] = ()


@dataclass
class Record:
    """A scenario in a feature's file, by its line and the text of its steps (an outline's examples share the line)."""

    path: str
    line: int
    texts: list[str]
    worker: str
    started_s: float
    ended_s: float = 0.0
    steps: list[StepRecord] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Record":
        """The record that `to_json` gave."""
        steps = [
            StepRecord(**{**step, "attachments": tuple(Attachment(**one) for one in step["attachments"])})
            for step in told["steps"]
        ]
        return cls(**{**told, "steps": steps})

    def complete(self, trouble: tuple[Status, str] | None) -> None:
        """Adds the steps that were not run. `trouble` befell the scenario outside of its steps: the first step that was
        not run has it, else the last one."""
        left = len(self.texts) - len(self.steps)
        skipped = [StepRecord("SKIPPED", self.ended_s) for _ in range(left)]
        if trouble is not None and not any(step.status in ("FAILED", "UNDEFINED") for step in self.steps):
            status, words = trouble
            if not skipped:
                skipped = [self.steps.pop()]
            skipped[0] = StepRecord(
                status, skipped[0].started_s, skipped[0].seconds, words, words, skipped[0].attachments
            )
        self.steps += skipped
