"""Sweeps: over interfaces whose blobs are all forwarded, and over interfaces that all got an append."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Self

from bench.inputs import DIVERSE, HOUR, QUIET_FLOWS, SEED, VNET, Sizes, interface_of
from bench.measure import BenchError, Sample, Tell
from bench.row import Row, value_row
from bench.servers import Wired, wired
from flowlog_core.adapters.storage.checkpoints import CONTAINER
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.listing import hour_prefix
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import CheckpointNames
from local.network_watcher.block_blob import BlockBlob
from local.network_watcher.records import Recorder

SECTION: Final = "sweeps"

_OF_A_LOG: Final = 10  # interfaces of one flow log
_SWEPT: Final = 7_000  # so many interfaces are swept in all, or more, in a few rounds
_APPENDED: Final = 3_000  # likewise, of those that got an append
_WRITERS: Final = 4
_SETTINGS: Final = {"FLOWLOG_SWEEP_GRACE_SECONDS": "0", "FLOWLOG_RUN_SECONDS": "480"}


class _Fleet:
    """Interfaces whose blobs of this hour all have the same content."""

    def __init__(self, product: Wired, interfaces: int) -> None:
        interface = interface_of(VNET)
        self._hour = datetime.now(UTC)
        self._names = [self._name(number) for number in range(interfaces)]
        self._recorder, self._blocks = Recorder(interface, HOUR, QUIET_FLOWS, SEED, DIVERSE), BlockBlob()
        self._data = bytearray()
        self._product = product
        self._account, self._container = str(product.writer.account_name), interface.log.container
        self._blobs = product.writer.get_container_client(self._container)
        self._blobs.create_container()

    def _name(self, number: int) -> str:
        log = f"0_NETWORKWATCHERRG/NETWORKWATCHER_WESTEUROPE_NET{number // _OF_A_LOG}-FLOWLOG"
        return f"flowLogResourceID=/{log}/{hour_prefix(self._hour)}m=00/macAddress={number:012X}/PT1H.json"

    def append(self) -> dict[str, str]:
        """Append a minute to each blob; return their ETags by name."""
        append = self._blocks.append([record.text for record in self._recorder.minute()])
        self._data[append.start :] = append.tail
        data = bytes(self._data)

        def write(name: str) -> str:
            return str(self._blobs.get_blob_client(name).upload_blob(data, overwrite=True)["etag"])

        with ThreadPoolExecutor(_WRITERS) as writers:
            return dict(zip(self._names, writers.map(write, self._names), strict=True))

    def set_complete(self, etags: dict[str, str]) -> None:
        """Forward one blob, and write checkpoints for the others as if they had been forwarded with it."""
        blobs = [SourceBlob(self._account, self._container, name) for name in self._names]
        self._product.forwarder.forward(blobs[0])
        names = CheckpointNames(self._product.destination)
        stored = self._product.writer.get_container_client(CONTAINER)
        checkpoint = Checkpoint.from_metadata(stored.get_blob_client(names.of(blobs[0])).get_blob_properties().metadata)

        def write(blob: SourceBlob) -> None:
            metadata = replace(checkpoint, etag=etags[blob.name]).to_metadata()
            stored.upload_blob(names.of(blob), b"", metadata=metadata)

        with ThreadPoolExecutor(_WRITERS) as writers:
            list(writers.map(write, blobs[1:]))


@dataclass(slots=True)
class _Rates:
    """Interfaces a second of each sweep, by both clocks."""

    processor: list[float]
    wall: list[float]

    @classmethod
    def none(cls) -> Self:
        return cls([], [])

    def sweep(self, product: Wired, interfaces: int, *, behind: int) -> None:
        """Sweep once.

        Raises:
            BenchError: It found something else than was to be found.

        """
        gc.collect()
        wall, processor = time.perf_counter(), time.process_time()
        report = product.sweeper.sweep()
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
        if not report.complete or (report.seen, report.behind, report.caught) != (interfaces, behind, behind):
            raise BenchError(f"sweeps: of {interfaces:,} blobs {report.caught:,} of {behind:,} were forwarded")
        self.processor.append(interfaces / processor)
        self.wall.append(interfaces / wall)

    def rows(self, interfaces: int, figure: str) -> list[Row]:
        subject, unit = f"{interfaces:,} interfaces", "interfaces/s"
        return [
            value_row(SECTION, subject, figure, Sample(tuple(self.processor)), unit, clock="processor"),
            value_row(SECTION, subject, figure, Sample(tuple(self.wall)), unit, clock="wall"),
        ]


def measure(sizes: Sizes, tell: Tell) -> list[Row]:
    """Sweep each number of interfaces."""
    return [row for interfaces in sizes.interfaces for row in _measure(sizes, interfaces, tell)]


def _measure(sizes: Sizes, interfaces: int, tell: Tell) -> list[Row]:
    first, later, appended = _Rates.none(), _Rates.none(), _Rates.none()
    with wired(**_SETTINGS) as product:
        tell(f"{interfaces:,} interfaces are written")
        fleet = _Fleet(product, interfaces)
        fleet.set_complete(fleet.append())
        for number in range(_rounds(sizes.repeats, _SWEPT, interfaces)):
            tell(f"{interfaces:,} interfaces, round {number + 1}")
            with product.restarted() as restarted:
                first.sweep(restarted, interfaces, behind=0)
                later.sweep(restarted, interfaces, behind=0)
        for _ in range(_rounds(sizes.backlog_repeats, _APPENDED, interfaces)):
            tell(f"{interfaces:,} interfaces get an append")
            fleet.append()
            appended.sweep(product, interfaces, behind=interfaces)
    return [
        *first.rows(interfaces, "all complete, first sweep"),
        *later.rows(interfaces, "all complete, later sweeps"),
        *appended.rows(interfaces, "all appended to"),
    ]


def _rounds(most: int, swept: int, interfaces: int) -> int:
    """Return how many rounds sweep so many interfaces in all; one at least, since Azurite takes minutes for 10,000."""
    return min(most, max(1, swept // interfaces))
