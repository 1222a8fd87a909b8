"""A stand-in for Azure Network Watcher: writes flow logs just as the real one does, and tells what must come of them.

`python -m local.network_watcher --help`
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient

from local.network_watcher.blob_stores import BlobStore, Folder, StorageAccount
from local.network_watcher.block_blob import BlockBlob
from local.network_watcher.expected import Expected, expect
from local.network_watcher.fleet import fleet
from local.network_watcher.records import PLAIN, Interface, Oddities, Record, Recorder

type Sink = Callable[[Expected], None]
"""Hears of every append before it is committed, so that no flow arrives that it doesn't know of yet."""

_BACKLOG_BLOCK: Final = 4 * 2**20
_BACKLOG_TUPLES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        minutes: simulated minutes.
        appends: number of blocks put into blobs.
        flows: tuples that can be read.
        bad_records: records that must be in quarantine, in whole or in part.
        size: bytes of the records.

    """

    minutes: int = 0
    appends: int = 0
    flows: int = 0
    bad_records: int = 0
    size: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.minutes + other.minutes,
            self.appends + other.appends,
            self.flows + other.flows,
            self.bad_records + other.bad_records,
            self.size + other.size,
        )


@dataclass(frozen=True, slots=True)
class Backlog:
    """A large blob written at once.

    Attributes:
        container: its container.
        name: its name there.
        size: its length in bytes.
        records: number of records.
        flows: number of tuples, all of which can be read.

    """

    container: str
    name: str
    size: int
    records: int
    flows: int


class NetworkWatcher:
    """Writes the flow logs of some interfaces; a new hour begins a new blob.

    Args:
        store: where to.
        interfaces: whose.
        first_minute: minutes since 1970 of the first records' `time`.
        per_minute: tuples a minute and interface.
        seed: the same seed and the same other arguments give the same bytes.
        oddities: what to mix in.
        sink: hears what must come of each append, before it is committed; with none, this isn't worked out. After an
            error of the store the sink may have heard of one append that isn't there.

    """

    def __init__(
        self,
        store: BlobStore,
        interfaces: Sequence[Interface],
        *,
        first_minute: int,
        per_minute: int,
        seed: str,
        oddities: Oddities = PLAIN,
        sink: Sink | None = None,
    ) -> None:
        self._store = store
        self._recorders = [Recorder(interface, first_minute, per_minute, seed, oddities) for interface in interfaces]
        self._sink = sink
        # Each interface's blob of the hour: a name, and how it goes on.
        self._blobs: dict[str, tuple[str, BlockBlob]] = {}

    def minute(self) -> Written:
        """Write the next minute of every interface."""
        written = Written(minutes=1)
        for recorder in self._recorders:
            records = recorder.minute()
            if records:
                written += self._append(recorder.interface, records)
        return written

    def run(
        self,
        *,
        minutes: int | None = None,
        interval: float = 0.0,
        stop: threading.Event | None = None,
        report: Callable[[Written], None] | None = None,
    ) -> None:
        """Write minute after minute.

        Args:
            minutes: how many; None: until `stop`.
            interval: real seconds from one minute's start to the next one's; 0: as fast as the store takes them.
            stop: ends it after the minute under way.
            report: hears of each minute once it is written.

        """
        stop = stop or threading.Event()
        due = time.monotonic()
        done = 0
        while not stop.is_set() and (minutes is None or done < minutes):
            written = self.minute()
            done += 1
            if report:
                report(written)
            due += interval
            if minutes is None or done < minutes:
                stop.wait(max(0.0, due - time.monotonic()))

    def _append(self, interface: Interface, records: Sequence[Record]) -> Written:
        """Put one interface's records of one minute into the hour's blob."""
        container, name = interface.log.container, interface.blob_name(records[0].second)
        known, blob = self._blobs.get(interface.mac, ("", BlockBlob()))
        if known != name:
            blob = self._store.open(container, name)
            self._blobs[interface.mac] = (name, blob)
        append = blob.append([record.text for record in records])
        if self._sink:
            self._sink(expect(f"{self._store.account}/{container}/{name}", records, append.offsets))
        self._store.write(container, name, append)
        return Written(
            appends=1,
            flows=sum(record.flows for record in records),
            bad_records=sum(bool(record.broken or record.unknown) for record in records),
            size=sum(len(record.text) for record in records),
        )


def write_backlog(store: BlobStore, interface: Interface, minute: int, size: int, seed: str) -> Backlog:
    """Grow one blob to at least `size` bytes, by blocks of some 4 MiB.

    Cheap in time and memory: one minute's records come again and again, at other offsets and so with other ids.

    Args:
        store: where to.
        interface: whose blob.
        minute: minutes since 1970 of the records' `time`; its hour is the blob's.
        size: bytes; the blob may be up to one block larger.
        seed: the same seed and the same other arguments give the same bytes.

    """
    records = Recorder(interface, minute, _BACKLOG_TUPLES, seed).minute()
    times = -(-_BACKLOG_BLOCK // sum(len(record.text) for record in records))
    block = [record.text for record in records] * times
    container, name = interface.log.container, interface.blob_name(records[0].second)
    blob = store.open(container, name)
    appends = 0
    while blob.length < size:
        store.write(container, name, blob.append(block))
        appends += 1
    flows = appends * times * sum(record.flows for record in records)
    return Backlog(container, name, blob.length, appends * len(block), flows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; give its exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.out:
            _write(Folder(options.out), options)
        else:
            with BlobServiceClient.from_connection_string(options.connection_string) as client:
                _write(StorageAccount(client), options)
    except (AzureError, OSError, ValueError) as error:
        print(f"network_watcher: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    return 0


def _write(store: BlobStore, options: argparse.Namespace) -> None:
    """Write what the command line asks for, telling of each minute and of all."""
    first_minute = int(options.start.timestamp()) // 60
    interfaces = fleet(options.interfaces, options.seed)
    if options.backlog_mib:
        print(write_backlog(store, interfaces[0], first_minute, options.backlog_mib * 2**20, options.seed))
        return
    oddities = Oddities(forms=options.oddities, hostile=options.hostile)
    watcher = NetworkWatcher(
        store,
        interfaces,
        first_minute=first_minute,
        per_minute=options.flows_per_minute,
        seed=options.seed,
        oddities=oddities,
    )
    total = Written()

    def report(written: Written) -> None:
        nonlocal total
        minute = datetime.fromtimestamp((first_minute + total.minutes) * 60, UTC)
        total += written
        print(f"{minute:%Y-%m-%dT%H:%M}Z {_summary(written)}", flush=True)

    try:
        watcher.run(minutes=options.minutes, interval=options.interval, report=report)
    except KeyboardInterrupt:
        print()
    print(f"{total.minutes} minutes: {_summary(total)}")


def _summary(written: Written) -> str:
    return (
        f"{written.appends} appends, {written.flows} flows, {written.bad_records} bad records, "
        f"{written.size / 2**20:.2f} MiB"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.network_watcher",
        description="Writes NSG and virtual network flow logs as Azure Network Watcher does. Ctrl-C ends it.",
        epilog="""examples:
  python -m local.network_watcher --connection-string "$FlowLogStorage" --interval 2
      five interfaces, each 200 flows a simulated minute, a minute every two seconds
  python -m local.network_watcher --out /tmp/logs --interfaces 2 --minutes 90 --start 2026-11-20T22:00Z --seed 7
      90 minutes of two interfaces as files, the same ones every time
  python -m local.network_watcher --out /tmp/logs --hostile --oddities --minutes 60
      with tuples and records that must go to quarantine, and with rare but documented forms
  python -m local.network_watcher --connection-string "$FlowLogStorage" --backlog-mib 1024
      one blob of 1 GiB
""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--connection-string", metavar="TEXT", help="of the storage account, or of Azurite")
    target.add_argument("--out", metavar="DIR", type=Path, help="write plain files there, at container/name")
    parser.add_argument("--interfaces", metavar="N", type=_positive, default=5, help="how many (default: 5)")
    parser.add_argument(
        "--flows-per-minute", metavar="N", type=_positive, default=200, help="of each interface (default: 200)"
    )
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        type=float,
        default=0.0,
        help="from one simulated minute to the next (default: 0)",
    )
    parser.add_argument("--minutes", metavar="N", type=_positive, help="simulated minutes to write (default: no end)")
    parser.add_argument(
        "--start", metavar="TIME", type=_time, default=datetime.now(UTC), help="first minute, in UTC (default: now)"
    )
    parser.add_argument("--seed", default="1", help="the same seed and start give the same bytes (default: 1)")
    parser.add_argument("--oddities", action="store_true", help="mix in rare but documented forms")
    parser.add_argument("--hostile", action="store_true", help="mix in what must go to quarantine")
    parser.add_argument("--backlog-mib", metavar="N", type=_positive, help="write one blob of this size and end")
    return parser


def _positive(text: str) -> int:
    """Read a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _time(text: str) -> datetime:
    """Read an ISO 8601 time; one without an offset is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
