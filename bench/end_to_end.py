"""A backlog end to end: a large blob, the app in one worker process, Azurite and the local hub."""

import os
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from azure.storage.blob import BlobServiceClient

from bench.hub_process import PROJECT, HubProcess
from bench.inputs import DIVERSE, NSG, SEED, VNET, Sizes, interface_of
from bench.measure import BenchError, Sample, Tell
from bench.row import Row, rate_row, value_row
from bench.servers import settings_for
from flowlog_core.log_events import LogEvent
from local.azurite import ACCOUNT, Azurite
from local.functions_host.process import HostEvent, WorkerProcess
from local.network_watcher.blob_stores import StorageAccount
from local.network_watcher.writer import Backlog, write_backlog

SECTION: Final = "backlog"

_RUN_SECONDS: Final = 1500
_MINUTES_AGO: Final = 30
"""The blob's minute: recent enough for the sweep to look at its hour."""

_VARIANTS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    f"{VNET}, none": (VNET, {}),
    f"{NSG}, none": (NSG, {}),
    f"{VNET}, gzip": (VNET, {"FLOWLOG_EVENT_COMPRESSION": "gzip"}),
}
"""What is measured: the format, and settings that are not the default."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How one run went.

    Attributes:
        seconds: From the sweep's start to the run's log line.
        processor: Processor time of the app's process in between, in seconds.
        start_bytes: Memory of the app's process before (resident set).
        peak_bytes: The most that it ever had.
        bytes_read: Bytes of the blob that were read.

    """

    seconds: float
    processor: float
    start_bytes: int
    peak_bytes: int
    bytes_read: int


def measure(sizes: Sizes, tell: Tell) -> list[Row]:
    """Forward each blob in turns, each time by a fresh process and for a state account of its own."""
    states = [f"state{number}" for number in range(sizes.backlog_repeats * len(_VARIANTS))]
    outcomes: dict[str, list[_Outcome]] = defaultdict(list)
    with (
        Azurite(data="temporary", accounts=(ACCOUNT, *states)) as azurite,
        HubProcess() as hub,
        BlobServiceClient.from_connection_string(azurite.connection_string) as service,
    ):
        tell("writing the blobs")
        backlogs = {subject: _write(service, subject, sizes.backlog_bytes) for subject in (VNET, NSG)}
        for number in range(sizes.backlog_repeats):
            for variant, (subject, more) in _VARIANTS.items():
                tell(f"{variant}, round {number + 1} of {sizes.backlog_repeats}")
                settings = settings_for(
                    azurite.connection_string,
                    hub.connection_string,
                    FLOWLOG_CONTAINERS=backlogs[subject].container,
                    FLOWLOG_STATE="BenchState",
                    BenchState=azurite.connection_string_of(states.pop()),
                    FLOWLOG_RUN_SECONDS=str(_RUN_SECONDS),
                    FLOWLOG_SWEEP_GRACE_SECONDS="0",
                    **more,
                )
                outcomes[variant].append(_forward(settings, backlogs[subject]))
    return [row for variant, runs in outcomes.items() for row in _rows(variant, backlogs[_VARIANTS[variant][0]], runs)]


def _write(service: BlobServiceClient, subject: str, size: int) -> Backlog:
    minute = int(time.time() / 60) - _MINUTES_AGO
    return write_backlog(StorageAccount(service), interface_of(subject), minute, size, SEED, oddities=DIVERSE)


def _forward(settings: Mapping[str, str], backlog: Backlog) -> _Outcome:
    """Let a fresh process forward one blob.

    Raises:
        BenchError: The run failed, or flows are missing.

    """
    with WorkerProcess(PROJECT, settings=settings, poll_seconds=0.5, only_new=True) as host:
        start = _memory_of(host.pid, "VmRSS")
        wall, processor = time.perf_counter(), _processor_seconds_of(host.pid)
        host.fire_timer("sweep")
        event = host.wait_for(_is_end, timeout=_RUN_SECONDS)
        wall, processor = time.perf_counter() - wall, _processor_seconds_of(host.pid) - processor
        peak = _memory_of(host.pid, "VmHWM")
    logged = LogEvent.read(event.get("message", ""))
    fields = logged.fields if logged is not None else {}
    if fields.get("flows") != backlog.flows:
        raise BenchError(
            f"backlog: of {backlog.flows:,} flows {fields.get('flows', 0):,} were forwarded; it said {event}"
        )
    return _Outcome(wall, processor, start, peak, fields["bytes"])


def _is_end(event: HostEvent) -> bool:
    """Whether an event tells that the run is over, for better or worse."""
    logged = LogEvent.read(event.get("message", ""))
    return event["event"] == "host.failed" or (logged is not None and logged.name in {"flowlog.run", "flowlog.fault"})


def _rows(variant: str, backlog: Backlog, outcomes: list[_Outcome]) -> list[Row]:
    wall = Sample(tuple(each.seconds for each in outcomes))
    processor = Sample(tuple(each.processor for each in outcomes))
    start = Sample(tuple(each.start_bytes / 1e6 for each in outcomes))
    peak = Sample(tuple(each.peak_bytes / 1e6 for each in outcomes))
    read = Sample(tuple(each.bytes_read / backlog.size for each in outcomes))
    return [
        Row(SECTION, variant, "blob", backlog.size, "bytes"),
        Row(SECTION, variant, "flows in it", backlog.flows, "flows"),
        rate_row(SECTION, variant, "forwarded", wall, clock="wall", flows=backlog.flows, size=backlog.size),
        rate_row(SECTION, variant, "forwarded", processor, clock="processor", flows=backlog.flows, size=backlog.size),
        value_row(SECTION, variant, "memory at the start", start, "MB"),
        value_row(SECTION, variant, "memory at the peak", peak, "MB"),
        value_row(SECTION, variant, "bytes read for each of the blob", read, "bytes"),
    ]


def _memory_of(pid: int, key: str) -> int:
    """Read a process's memory in bytes (proc_pid_status(5))."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no {key} in the status of process {pid}")


def _processor_seconds_of(pid: int) -> float:
    """Read the processor time that a process has used, in user and in kernel mode (proc_pid_stat(5))."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
