"""Release 0.1.0, taken from the repository's history: its own forwarder runs beside this one."""

import base64
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flowlog_core.source.blob import SourceBlob

COMMIT: Final = "c9ffc99"
_ROOT: Final = Path(__file__).resolve().parents[2]
_DRIVER: Final = """
import base64, json, sys
from flowlog_core.blob import SourceBlob
from flowlog_core.errors import FlowLogError
from flowlog_core.forward import Forwarder, ForwardOptions
from tests import memory

def play(job):
    clock, blob = memory.ManualClock(), SourceBlob(*job["blob"])
    blobs, checkpoints = memory.MemoryBlobs(clock), memory.MemoryCheckpoints(clock)
    sink, quarantine = memory.MemorySink(), memory.MemoryQuarantine()
    checkpoints._states[blob] = memory._State(job["metadata"])
    forwarder = Forwarder(
        source=blobs, checkpoints=checkpoints, sink=sink, quarantine=quarantine, clock=clock, log=memory.MemoryLog(),
        background=memory.AtOnce(), options=ForwardOptions(start="all"),
    )
    error = None
    try:
        for content in job["contents"]:
            blobs.put(blob, base64.b64decode(content))
            forwarder.forward(blob)
    except FlowLogError as raised:
        error = type(raised).__name__
    return {
        "metadata": checkpoints._states[blob].metadata,
        "ids": [json.loads(line)["id"] for event, _ in sink.events for line in event.body.splitlines()],
        "documents": {name: document.decode() for name, document in quarantine.documents.items()},
        "error": error,
    }

json.dump([play(job) for job in json.load(sys.stdin)], sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Job:
    """What its forwarder is to do.

    Attributes:
        blob: The blob.
        contents: Its states, which are forwarded one after the other.
        metadata: The checkpoint to begin with; none is the start.

    """

    blob: SourceBlob
    contents: Sequence[bytes]
    metadata: Mapping[str, str] = field(default_factory=dict)

    def fields(self) -> dict[str, object]:
        """Write it for the driver."""
        return {
            "blob": [self.blob.account, self.blob.container, self.blob.name],
            "contents": [base64.b64encode(content).decode() for content in self.contents],
            "metadata": self.metadata,
        }


@dataclass(frozen=True, slots=True)
class Played:
    """What its forwarder did with one blob.

    Attributes:
        metadata: The checkpoint that it left.
        ids: Of the flows that it sent, in order.
        documents: What it put in quarantine, by name.
        error: Name of the error that it raised, if any.

    """

    metadata: Mapping[str, str]
    ids: Sequence[str]
    documents: Mapping[str, str]
    error: str | None


class FirstRelease:
    """The code of release 0.1.0 in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Take its code from the history into a folder."""
        archive = subprocess.run(  # noqa: S603 # fixed arguments
            ["git", "archive", COMMIT, "flowlog_core", "tests/memory.py"],  # noqa: S607 # as the shell finds it
            cwd=_ROOT,
            capture_output=True,
            check=True,
        )
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)  # noqa: S603, S607 # the same
        self._folder = folder

    @staticmethod
    def is_in_history() -> bool:
        """Say whether this checkout has the history back to the release."""
        command = ["git", "cat-file", "-e", f"{COMMIT}^{{commit}}"]
        return subprocess.run(command, cwd=_ROOT, capture_output=True, check=False).returncode == 0  # noqa: S603 # fixed

    def play(self, *jobs: Job) -> list[Played]:
        """Let its forwarder do these, each by itself, in one process."""
        done = subprocess.run(  # noqa: S603 # the code of this repository
            [sys.executable, "-c", _DRIVER],
            cwd=self._folder,
            input=json.dumps([job.fields() for job in jobs]),
            capture_output=True,
            text=True,
            check=True,
        )
        return [Played(**fields) for fields in json.loads(done.stdout)]
