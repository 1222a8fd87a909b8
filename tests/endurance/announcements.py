"""Announcements of many distinct blobs to one process of the app: what does it keep of each?

``python -m tests.endurance.announcements --blobs 20000`` runs it at length.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from azure.storage.blob import BlobServiceClient

from flowlog_core.adapters.storage.checkpoints import MOST_KEPT
from local.azurite import Azurite
from local.event_hub.server import EventHub
from tests.support.app import APP, settings_for
from tests.support.flow_logs import document, vnet_record

_CONTAINER: Final = "insights-logs-flowlogflowevent"
_HOUR: Final = "y=2026/m=11/d=20/h=23/m=00"
_RETAINED: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds at some time.

    Attributes:
        announced: Calls so far.
        blocks: The interpreter's blocks of memory; every object has one or more.
        bytes: Resident set.

    """

    announced: int
    blocks: int
    bytes: int


def announce(
    blobs: int, *, parts: int, kept: int = MOST_KEPT, tell: Callable[[Held], None] = lambda _: None
) -> tuple[list[Held], int]:
    """Write so many flow logs, and call the app for each; return what it held after each part, and the events sent.

    The app keeps the checkpoints and clients of so many blobs at most.
    """
    names = [f"flowLogResourceID=/NET{number}/{_HOUR}/macAddress={number:012X}/PT1H.json" for number in range(blobs)]
    held = []
    with Azurite() as azurite, EventHub(retain_bytes=_RETAINED) as hub:
        _write(azurite, names)
        settings = settings_for(azurite, hub, FLOWLOG_TRIGGER_SOURCE="EventGrid", FLOWLOG_CONTAINERS=_CONTAINER)
        with subprocess.Popen(  # noqa: S603 # this checkout's own app
            [sys.executable, "-m", "tests.endurance.announced", str(blobs // parts), str(kept)],
            cwd=APP,
            env=os.environ | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n".join(names))
            process.stdin.close()
            for line in process.stdout:
                held.append(Held(**json.loads(line)))
                tell(held[-1])
        assert process.returncode == 0
        return held, hub.counters().events


def _write(azurite: Azurite, names: Sequence[str]) -> None:
    content = document([vnet_record(2)])
    with (
        BlobServiceClient.from_connection_string(azurite.connection_string) as service,
        service.create_container(_CONTAINER) as container,
        ThreadPoolExecutor(8) as threads,
    ):
        for _ in threads.map(lambda name: container.upload_blob(name, content), names):
            pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.announcements", description=__doc__)
    parser.add_argument("--blobs", type=int, default=20_000, help="how many (default: %(default)s)")
    _, events = announce(parser.parse_args(arguments).blobs, parts=20, tell=_print)
    print(f"{events:,} events")
    return 0


def _print(held: Held) -> None:
    print(f"{held.announced:,} blobs: {held.blocks:,} blocks, {held.bytes / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
