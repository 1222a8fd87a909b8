"""The whole system on one machine: ``python -m local``, or ``make run``.

Azurite keeps the blobs, a simulator of Network Watcher writes them, the worker host runs the Functions app, a local
stand-in for Event Hubs takes the events, and a consumer reads them back, shows the flows, and holds each against what
was written.
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext
from azure.storage.blob import BlobServiceClient

from flowlog_core.cli.output.flow_display import Display, display
from flowlog_core.log_events import LogEvent
from local.azurite import Azurite, AzuriteError
from local.comparison import Comparison
from local.event_hub.server import EventHub
from local.functions_host.app_folder import HostError
from local.functions_host.process import WorkerProcess
from local.network_watcher.blob_stores import StorageAccount
from local.network_watcher.fleet import fleet
from local.network_watcher.records import PLAIN, Oddities
from local.network_watcher.writer import NetworkWatcher, Written

_APP: Final = Path(__file__).resolve().parent.parent
_HUB: Final = "flowlogs"
_RETAIN_BYTES: Final = 64 * 1024 * 1024  # of each partition: a long run must not fill the memory
_PLAIN_FLOWS_A_SECOND: Final = 5
_SETTLE_SECONDS: Final = 60.0
_MINUTES_BACK: Final = 24 * 60
_EVEN: Final = 0
_UNEVEN: Final = 1
_NOT_RUN: Final = 2


@dataclass(slots=True)
class Run:
    """A running system.

    Attributes:
        comparison: What arrived against what was written.
        display: Where it is shown.
        worker: The process that runs the app.
        follower: Reads the app's log, until the worker has ended.
        written: What the simulator wrote.
        bytes_read: Bytes of source blobs that the app read, by its log.
        records: Records that it read.

    """

    comparison: Comparison
    display: Display
    worker: WorkerProcess
    follower: threading.Thread = field(default_factory=threading.Thread)
    written: Written = field(default_factory=Written)
    bytes_read: int = 0
    records: int = 0

    def totals(self) -> str:
        """Sum up in a line."""
        totals, appended = self.comparison.totals, self.written.size
        ratio = f" ({self.bytes_read / appended:.2f})" if appended else ""
        return (
            f"{len(totals.blobs)} blobs · {appended:,} bytes appended, {self.bytes_read:,} read{ratio} · "
            f"{self.records:,} records · {totals.arrived:,} of {totals.expected:,} flows · {totals.events:,} events · "
            f"{totals.quarantined:,} quarantined · lag {totals.latest_lag:.1f} s, at most {totals.greatest_lag:.1f} s"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the system; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        with ExitStack() as stack:
            run, watcher = _start(options, stack)
            with run.display:
                _write(watcher, run, interval=options.interval, seconds=options.seconds)
                run.comparison.wait_until_even(_SETTLE_SECONDS)
                run.display.totals(run.totals())
            worker_status = run.worker.stop()
            run.follower.join()
    except KeyboardInterrupt:
        print("\nended by Ctrl-C", flush=True)
        return _EVEN
    except (AzuriteError, HostError) as error:
        print(f"local: {error}", file=sys.stderr)
        return _NOT_RUN
    return _tell(run, worker_status)


def _start(options: argparse.Namespace, stack: ExitStack) -> tuple[Run, NetworkWatcher]:
    """Start everything, in the order in which each needs the other."""
    print("starting storage, hub and app …", flush=True)
    azurite = stack.enter_context(Azurite())
    hub = stack.enter_context(EventHub(_HUB, retain_bytes=_RETAIN_BYTES))
    settings = {
        "AzureWebJobsStorage": azurite.connection_string,
        "FlowLogStorage": azurite.connection_string,
        "FlowLogEventHub": hub.connection_string,
        "FLOWLOG_EVENTHUB_NAME": _HUB,
        "FLOWLOG_TRIGGER_SOURCE": "LogsAndContainerScan",
        "FLOWLOG_START": "all",
    }
    worker = stack.enter_context(WorkerProcess(_APP, settings=settings, poll_seconds=0.5))
    print(f"functions  {', '.join(worker.functions)}")
    print(f"storage    {azurite.connection_string}")
    print(f"hub        {hub.connection_string}", flush=True)
    run = Run(Comparison(), display(most_a_second=_PLAIN_FLOWS_A_SECOND), worker)
    stack.enter_context(_consumer(hub, run))
    run.follower = threading.Thread(target=_follow, args=(worker, run), daemon=True)
    run.follower.start()
    service = stack.enter_context(BlobServiceClient.from_connection_string(azurite.connection_string))
    return run, _watcher(service, options, run.comparison)


def _watcher(service: BlobServiceClient, options: argparse.Namespace, comparison: Comparison) -> NetworkWatcher:
    # Simulated minutes pass faster than real ones: begin so far back that they don't run into the future at once.
    planned = options.seconds / options.interval if options.seconds else _MINUTES_BACK
    return NetworkWatcher(
        StorageAccount(service),
        fleet(options.interfaces, options.seed),
        first_minute=int(time.time() / 60 - planned),
        per_minute=options.flows_per_minute,
        seed=options.seed,
        oddities=Oddities(forms=True, hostile=options.hostile) if options.hostile else PLAIN,
        sink=comparison.expect,
    )


def _write(watcher: NetworkWatcher, run: Run, *, interval: float, seconds: float | None) -> None:
    """Let the simulator write until time is up, or for ever."""
    stop = threading.Event()
    deadline = time.monotonic() + seconds if seconds else None

    def report(written: Written) -> None:
        run.written += written
        run.display.totals(run.totals())
        if deadline is not None and time.monotonic() + interval >= deadline:
            stop.set()

    watcher.run(interval=interval, stop=stop, report=report)


@contextmanager
def _consumer(hub: EventHub, run: Run) -> Iterator[None]:
    """Read the hub from the start, as any consumer would, until the end of the block."""
    client = EventHubConsumerClient.from_connection_string(hub.connection_string, "$Default", eventhub_name=_HUB)

    def receive(_: PartitionContext, event: EventData | None) -> None:
        if event is None:
            return
        flows = [json.loads(line) for line in event.body_as_str().splitlines()]
        properties = {_text(key): value for key, value in (event.properties or {}).items()}
        run.comparison.arrive(_text(properties["blob"]), flows)
        run.display.flows(flows)
        run.display.totals(run.totals())

    thread = threading.Thread(target=client.receive, args=(receive,), kwargs={"starting_position": "-1"}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        client.close()
        thread.join()


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _follow(worker: WorkerProcess, run: Run) -> None:
    """Add up what the app's log says, and show what must not be missed."""
    for event in worker.events():
        if event["event"] in {"host.failed", "host.poison"}:
            run.display.note(json.dumps(event))
        elif event["event"] == "log" and (logged := LogEvent.read(event["message"])) is not None:
            if logged.name == "flowlog.run":
                run.bytes_read += logged.fields["bytes"]
                run.records += logged.fields["records"]
                run.comparison.put_in_quarantine(logged.fields["quarantined"])
            elif event["level"] in {"WARNING", "ERROR"} and logged.name != "flowlog.quarantined":
                run.display.note(event["message"])
        elif event["event"] == "log" and event["level"] in {"ERROR", "CRITICAL"}:
            run.display.note(event["message"])


def _tell(run: Run, worker_status: int) -> int:
    """Print the summary; give the exit status."""
    print(f"\n{run.totals()}")
    faults = run.comparison.verdict()
    if worker_status:
        faults.append(f"the app's host ended with status {worker_status}")
    for fault in faults:
        print(f"FAULT: {fault}")
    if not faults:
        print("every flow that was written arrived once, as written")
    return _UNEVEN if faults else _EVEN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="Run storage, hub, app and a simulator of Network Watcher on this machine, and watch flows arrive.",
        epilog="examples:\n  python -m local\n  python -m local --seconds 20\n"
        "  python -m local --interfaces 20 --flows-per-minute 2000 --interval 1\n\n"
        "exit status: 0 all that was written arrived, or Ctrl-C; 1 something differs; 2 it could not be run",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=_positive, help="write for so long, then compare and end (default: for ever)")
    parser.add_argument("--interfaces", type=int, default=5, help="network interfaces (default: %(default)s)")
    parser.add_argument("--flows-per-minute", type=int, default=200, help="of each interface (default: %(default)s)")
    parser.add_argument(
        "--interval", type=_positive, default=2.0, help="seconds that a simulated minute takes (default: %(default)s)"
    )
    parser.add_argument("--seed", default="1", help="the same seed gives the same traffic (default: %(default)s)")
    parser.add_argument("--hostile", action="store_true", help="mix in tuples and records that belong in quarantine")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("takes a number over 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
