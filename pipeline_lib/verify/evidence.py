"""The evidence folder of a failure: the report, each hop's own words, and every sighting, as files to read later."""

import json
import re
from dataclasses import asdict
from pathlib import Path

from pipeline_lib.hops.chain import Chain
from pipeline_lib.hops.protocol import ask
from pipeline_lib.model import instant
from pipeline_lib.verify.verdict import Verdict


def file(root: Path, name: str, verdict: Verdict, chain: Chain) -> Path:
    """Writes the evidence to a new folder under `root`, named after the time and what was expected."""
    folder = _new_folder(root, name)
    (folder / "verdict.txt").write_text(verdict.text() + "\n", encoding="utf-8")
    _write(folder / "committed.json", [asdict(message) for message in verdict.committed])
    _write(folder / "findings.json", [asdict(finding) for finding in verdict.findings])
    for hop in chain.hops:
        told = ask(hop, hop.evidence, lambda error: {"no evidence": repr(error)})
        sightings = [asdict(sighting) for sighting in verdict.sightings[hop.name]]
        _write(folder / f"{hop.name}.json", {"sightings": sightings, **told})
    return folder


def _new_folder(root: Path, name: str) -> Path:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "expectation"
    stamp = f"{instant.now():%Y-%m-%dT%H-%M-%S}-{slug}"
    for number in range(1, 1000):
        folder = root / (stamp if number == 1 else f"{stamp}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(root / stamp)


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
