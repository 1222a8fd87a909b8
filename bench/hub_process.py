"""The local hub in a process of its own, so that its processor time is not reckoned among ours.

`python -m bench.hub_process` prints the hub's connection string, then for each line on its standard input the hub's
counters as JSON; it ends with its standard input.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bench.inputs import MEBIBYTE
from local.child_process import ChildProcess
from local.event_hub.server import Counters, EventHub

PROJECT: Final = Path(__file__).resolve().parent.parent

_RETAIN_BYTES: Final = 8 * MEBIBYTE  # of each partition: nobody reads them
_ANSWER_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 5.0


class HubProcess:
    """A hub as a context manager: it answers from entry to exit."""

    def __enter__(self) -> Self:
        """Start it and wait until it listens."""
        self._child = ChildProcess([sys.executable, "-m", "bench.hub_process"], folder=PROJECT)
        self._lines = 0
        try:
            self.connection_string = self._line()
        except BaseException:
            self._child.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._child.terminate(_STOP_SECONDS)

    def counters(self) -> Counters:
        """Count what has happened so far."""
        self._child.send_line("counters")
        return Counters(**json.loads(self._line()))

    def _line(self) -> str:
        line = self._child.line(self._lines, _ANSWER_SECONDS)
        self._lines += 1
        if line is None:
            raise RuntimeError("the hub's process has ended; see its standard error")
        return line


def main() -> None:
    """Run a hub until standard input ends."""
    with EventHub(retain_bytes=_RETAIN_BYTES) as hub:
        print(hub.connection_string, flush=True)
        for _ in sys.stdin:
            print(json.dumps(asdict(hub.counters())), flush=True)


if __name__ == "__main__":
    main()
