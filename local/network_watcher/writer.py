"""Writes flow logs just as Network Watcher does, and reports what a forwarder must make of them."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from local.network_watcher.blob_stores import BlobStore
from local.network_watcher.block_blob import BlockBlob
from local.network_watcher.expected import Expected, expect
from local.network_watcher.records import PLAIN, Interface, Oddities, Record, Recorder

type Sink = Callable[[Expected], None]
"""Takes what must come of each append before the append is committed, so that no flow arrives that it doesn't know."""

_BACKLOG_BLOCK: Final = 4 * 2**20
_BACKLOG_TUPLES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        minutes: Simulated minutes.
        appends: Number of blocks put into blobs.
        flows: Tuples that can be read.
        bad_records: Records of which something must be in quarantine.
        size: Bytes of the records.

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
        container: Its container.
        name: Its name there.
        size: Its length in bytes.
        records: Number of records.
        flows: Number of tuples that can be read.

    """

    container: str
    name: str
    size: int
    records: int
    flows: int


class NetworkWatcher:
    """Writes the flow logs of some interfaces; a new hour begins a new blob.

    Args:
        store: Keeps the blobs.
        interfaces: Their flow logs are written.
        first_minute: Minutes since 1970 of the first records' `time`.
        per_minute: Tuples a minute and interface.
        seed: The same seed and the same other arguments write the same bytes.
        oddities: What to mix in.
        sink: Takes what must come of each append, before it is committed; without one, this isn't computed. After an
            error of the store the sink may have taken one append that isn't there.

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
        # Each interface's blob of the hour, by MAC address: its name, and the state to append to.
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
            minutes: How many; None: until `stop`.
            interval: Real seconds from one minute's start to the next one's; 0: as fast as the store takes them.
            stop: Ends it after the current minute.
            report: Takes each minute's totals once it is written.

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


def write_backlog(
    store: BlobStore, interface: Interface, minute: int, size: int, seed: str, *, oddities: Oddities = PLAIN
) -> Backlog:
    """Grow one blob to at least `size` bytes, by blocks of some 4 MiB.

    Cheap in time and memory: one minute's records are repeated, at other offsets and so with other ids.

    Args:
        store: Keeps the blob.
        interface: The blob is of its flow log.
        minute: Minutes since 1970 of the records' `time`; its hour is the blob's.
        size: Bytes; the blob may be up to one block larger.
        seed: The same seed and the same other arguments write the same bytes.
        oddities: What to mix in.

    """
    records = Recorder(interface, minute, _BACKLOG_TUPLES, seed, oddities).minute()
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
