"""One run of the complete system: start it, write flow logs, compare what arrives with them, and end it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from azure.storage.blob import BlobServiceClient

from flowlog_core.cli.output.flow_display import Display, display
from local.app_log import AppLog
from local.app_settings import SettingsFile
from local.azurite import Azurite
from local.comparison import Comparison
from local.consumer import Consumer
from local.event_hub.server import EventHub
from local.functions_host.process import WorkerProcess
from local.interrupts import Interrupts
from local.network_watcher.blob_stores import StorageAccount
from local.network_watcher.fleet import fleet
from local.network_watcher.records import PLAIN, Oddities
from local.network_watcher.writer import NetworkWatcher, Written

_APP: Final = Path(__file__).resolve().parent.parent
_RETAIN_BYTES: Final = 64 * 1024 * 1024  # of each partition: a long run must not fill the memory
_POLL_SECONDS: Final = 0.5
_PLAIN_FLOWS_A_SECOND: Final = 5
_MINUTES_BACK: Final = 24 * 60
_LAST_EVENTS_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.2  # how often a wait looks for an interrupt


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to run.

    Attributes:
        interfaces: Network interfaces that are simulated.
        flows_per_minute: Of each of them.
        interval: Seconds that a simulated minute takes.
        seconds: How long to write; None: until Ctrl-C.
        settle_seconds: How long to wait then for flows that have not arrived.
        seed: The same seed makes the same traffic.
        hostile: Whether to mix in what belongs in quarantine.
        settings_file: Where another shell finds the run's settings.

    """

    interfaces: int
    flows_per_minute: int
    interval: float
    seconds: float | None
    settle_seconds: float
    seed: str
    hostile: bool
    settings_file: Path


@dataclass(frozen=True, slots=True)
class _System:
    """What a run has started.

    Attributes:
        azurite: The storage account for flow logs, checkpoints and quarantine.
        hub: The destination.
        worker: The process that runs the app.
        settings: The app's settings.

    """

    azurite: Azurite
    hub: EventHub
    worker: WorkerProcess
    settings: dict[str, str]


def run(options: RunOptions) -> list[str]:
    """Run the system until its time is up or Ctrl-C, and print a summary.

    Returns:
        What differs from what was written, in words; an empty list where every flow arrived once, as written.

    Raises:
        AzuriteError: The storage can't be started.
        HostError: The app can't be served.
        OSError: The settings file can't be written.
        azure.core.exceptions.AzureError: The simulator can't write.
        KeyboardInterrupt: Ctrl-C before everything was started, or for the second time.

    """
    print("starting storage, hub and app …", flush=True)
    with ExitStack() as stack:
        system = stack.enter_context(_start_system())
        interrupts = stack.enter_context(Interrupts())
        stack.enter_context(SettingsFile(options.settings_file, system.settings))
        print(f"functions  {', '.join(system.worker.functions)}")
        print(f"settings   `. {options.settings_file}` in another shell, then for example:")
        print("           flowlog tail, flowlog status --since '25h ago', flowlog audit --since '25h ago'", flush=True)
        comparison, screen = Comparison(), display(most_a_second=_PLAIN_FLOWS_A_SECOND)
        service = stack.enter_context(BlobServiceClient.from_connection_string(system.azurite.connection_string))
        stack.enter_context(Consumer(system.hub.connection_string, system.hub.name, comparison, screen))
        current = _Run(system, comparison, screen, interrupts)
        with screen:
            watcher = _make_watcher(options, service, comparison)
            current.write(watcher, interval=options.interval, seconds=options.seconds)
            current.settle(options.settle_seconds)
        return current.end()


@contextmanager
def _start_system() -> Iterator[_System]:
    """Start everything, in the order in which each needs the other; end it after the block."""
    with Azurite() as azurite, EventHub(retain_bytes=_RETAIN_BYTES) as hub:
        settings = {
            "AzureWebJobsStorage": azurite.connection_string,
            "FlowLogStorage": azurite.connection_string,
            "FlowLogEventHub": hub.connection_string,
            "FLOWLOG_EVENTHUB_NAME": hub.name,
            "FLOWLOG_TRIGGER_SOURCE": "LogsAndContainerScan",
            "FLOWLOG_START": "all",
        }
        with WorkerProcess(_APP, settings=settings, poll_seconds=_POLL_SECONDS) as worker:
            yield _System(azurite, hub, worker, settings)


class _Run:
    """Writes into a running system, and waits for what comes of it."""

    def __init__(self, system: _System, comparison: Comparison, screen: Display, interrupts: Interrupts) -> None:
        """Start to follow the app's log; the hub is read already."""
        self._system = system
        self._comparison = comparison
        self._screen = screen
        self._interrupts = interrupts
        self._written = Written()
        self._log = AppLog(system.worker, comparison, screen)

    def write(self, watcher: NetworkWatcher, *, interval: float, seconds: float | None) -> None:
        """Write until time is up or Ctrl-C; the current minute is completed."""
        stop = threading.Event()
        deadline = time.monotonic() + seconds if seconds else None

        def report(written: Written) -> None:
            self._written += written
            self._screen.totals(self._sum_up())
            if deadline is not None and time.monotonic() + interval >= deadline:
                stop.set()

        # On a thread of its own: this one has to see an interrupt while the writer waits for the next minute.
        with ThreadPoolExecutor(1, thread_name_prefix="writer") as threads:
            writing = threads.submit(watcher.run, interval=interval, stop=stop, report=report)
            while not (self._interrupts.seen or writing.done()):
                wait([writing], _LOOK_SECONDS)
            stop.set()
            if self._interrupts.seen:
                self._screen.note("interrupted: waiting for what was written to arrive; Ctrl-C again ends all at once")
            writing.result()

    def settle(self, seconds: float) -> None:
        """Wait for flows that have not arrived, for so long, or until Ctrl-C or the end of the app's host."""
        was_interrupted, deadline = self._interrupts.seen, time.monotonic() + seconds
        while time.monotonic() < deadline and not self._comparison.wait_until_even(_LOOK_SECONDS):
            if self._interrupts.seen != was_interrupted or self._system.worker.returncode is not None:
                break
        self._screen.totals(self._sum_up())

    def end(self) -> list[str]:
        """End the app, read what it sent last, print the summary and return what differs."""
        worker_status = self._system.worker.stop()
        self._log.wait_for_end()
        sent = self._system.hub.counters().events
        all_read = self._comparison.wait_for_events(sent, _LAST_EVENTS_SECONDS)
        faults = self._comparison.verdict()
        if worker_status:
            faults.append(f"the app's host ended with status {worker_status}")
        if not all_read:
            faults.append(f"only {self._comparison.totals.events} of the hub's {sent} events were read")
        print(f"\n{self._sum_up()}")
        return faults

    def _sum_up(self) -> str:
        totals, appended = self._comparison.totals, self._written.size
        bytes_read = self._log.bytes_read
        ratio = f" ({bytes_read / appended:.2f})" if appended else ""
        others = f" ({totals.foreign:,} not of the forwarder)" if totals.foreign else ""
        others += f" ({totals.replays:,} replayed)" if totals.replays else ""
        return (
            f"{len(totals.blobs)} blobs · {appended:,} bytes appended, {bytes_read:,} read{ratio} · "
            f"{self._log.records:,} records · {totals.arrived:,} of {totals.expected:,} flows · "
            f"{totals.events:,} events{others} · {totals.quarantined:,} quarantined · "
            f"lag {totals.latest_lag:.1f} s, at most {totals.greatest_lag:.1f} s"
        )


def _make_watcher(options: RunOptions, service: BlobServiceClient, comparison: Comparison) -> NetworkWatcher:
    # Simulated minutes pass faster than real ones: begin so far back that they don't run into the future at once.
    planned = options.seconds / options.interval if options.seconds else _MINUTES_BACK
    return NetworkWatcher(
        StorageAccount(service),
        fleet(options.interfaces, options.seed),
        first_minute=int(time.time() / 60 - planned),
        per_minute=options.flows_per_minute,
        seed=options.seed,
        oddities=Oddities(forms=True, hostile=True) if options.hostile else PLAIN,
        sink=comparison.expect,
    )
