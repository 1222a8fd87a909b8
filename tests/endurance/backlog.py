"""A blob of any size, forwarded by the app in a process whose memory is watched: ``make backlog MIB=1024``."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.event_hub.server import EventHub
from local.functions_host.process import WorkerProcess
from local.network_watcher.blob_stores import StorageAccount
from local.network_watcher.fleet import fleet
from local.network_watcher.writer import write_backlog
from tests.support.app_log import log_event, reports

APP = Path(__file__).resolve().parents[2]
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went.

    Attributes:
        blob_bytes: Size of the blob.
        flows: Flows in it.
        forwarded: Flows that the app says were acknowledged.
        events: Events that the hub took.
        start_bytes: Memory of the app's process before (resident set).
        peak_bytes: The most that it ever had.
        seconds: From the first look at the blob to the end.
    """

    blob_bytes: int
    flows: int
    forwarded: int
    events: int
    start_bytes: int
    peak_bytes: int
    seconds: float


def forward_backlog(mebibytes: int) -> Outcome:
    """Write a blob of that size, and forward it."""
    with (
        Azurite(data="temporary") as azurite,
        EventHub(retain_bytes=8 * MEBIBYTE) as hub,
        BlobServiceClient.from_connection_string(azurite.connection_string) as service,
    ):
        backlog = write_backlog(
            StorageAccount(service), fleet(1, "backlog")[0], int(time.time() / 60) - 30, mebibytes * MEBIBYTE, "backlog"
        )
        settings = {
            "AzureWebJobsStorage": azurite.connection_string,
            "FlowLogStorage": azurite.connection_string,
            "FlowLogEventHub": hub.connection_string,
            "FLOWLOG_TRIGGER_SOURCE": "LogsAndContainerScan",
            "FLOWLOG_START": "all",
            "FLOWLOG_RUN_SECONDS": "1500",
            "FLOWLOG_SWEEP_GRACE_SECONDS": "0",
        }
        with WorkerProcess(APP, settings=settings, poll_seconds=0.5, only_new=True) as host:
            start, began = memory_of(host.pid, "VmRSS"), time.monotonic()
            host.fire_timer("sweep")
            event = host.wait_for(reports("flowlog.run"), timeout=1500)
            seconds = time.monotonic() - began
            peak = memory_of(host.pid, "VmHWM")
        run = log_event(event)
        assert run is not None
        return Outcome(backlog.size, backlog.flows, run.fields["flows"], hub.counters().events, start, peak, seconds)


def memory_of(pid: int, key: str) -> int:
    """Read a process's memory in bytes (of Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no {key} in the status of process {pid}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, and tell; the status is 1 if flows are missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.backlog", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the blob in MiB (default: %(default)s)")
    outcome = forward_backlog(parser.parse_args(arguments).mib)
    print(
        f"{outcome.blob_bytes:,} bytes, {outcome.forwarded:,} of {outcome.flows:,} flows in {outcome.events:,} events, "
        f"{outcome.seconds:.0f} s; memory {outcome.start_bytes / 1e6:.0f} MB at the start, "
        f"{outcome.peak_bytes / 1e6:.0f} MB at the peak, {(outcome.peak_bytes - outcome.start_bytes) / 1e6:.0f} MB more"
    )
    return 0 if outcome.forwarded == outcome.flows else 1


if __name__ == "__main__":
    sys.exit(main())
