"""What is measured on: blobs as the simulator of Network Watcher writes them, the same bytes in every run.

Figures of record are those of interfaces that face the internet, which see few addresses twice. Those of a simulated
fleet know a few hundred peers: what is faster for them alone would not be faster for others.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.source.blob import SourceBlob
from local.network_watcher.block_blob import BlockBlob
from local.network_watcher.fleet import fleet
from local.network_watcher.internet import internet_facing
from local.network_watcher.records import PLAIN, Interface, Oddities, Recorder

MEBIBYTE: Final = 1024 * 1024
SEED: Final = "bench"
VNET: Final = "VNet v4"
NSG: Final = "NSG v2"

HOUR: Final = int(datetime(2026, 11, 20, 22, tzinfo=UTC).timestamp()) // 60
"""The hour of the blobs, in minutes since 1970."""

CHUNK_BYTES: Final = ForwardOptions().chunk_bytes
"""What a run reads at once."""

QUIET_FLOWS: Final = 200
"""Flows a minute of a quiet interface, whose records are small: what the simulator writes unless asked otherwise."""

BUSY_FLOWS: Final = 2_000
"""Flows a minute of a busy interface: most of its records are as large as they get, near 32,270 bytes."""

FEW_PEERS: Final = ", few peers"
"""Ends the subject of a document of a simulated fleet."""

DIVERSE: Final = Oddities(escapes=True, rare=True)
"""What the records of an interface that faces the internet have in them."""

_PLACES: Final = {VNET: 0, NSG: 1}  # in a fleet, and among those that face the internet


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    Attributes:
        repeats: Rounds.
        document_bytes: About the size of the blob of the stages.
        minutes: Appends in an hour of small appends.
        batch: Appends that are announced at once.
        backlog_bytes: Size of a blob that is forwarded end to end.
        interfaces: Of each fleet that is swept.

    """

    repeats: int = 7
    document_bytes: int = 8 * MEBIBYTE
    minutes: int = 60
    batch: int = 100
    backlog_bytes: int = 64 * MEBIBYTE
    interfaces: tuple[int, ...] = (1_000,)

    @property
    def backlog_repeats(self) -> int:
        """Rounds end to end, each of which takes long."""
        return math.ceil(self.repeats / 3)

    @property
    def cold_repeats(self) -> int:
        """Rounds of imports: their difference is small beside their noise."""
        return 2 * self.repeats


QUICK: Final = Sizes(
    repeats=2, document_bytes=MEBIBYTE // 4, minutes=5, batch=10, backlog_bytes=4 * MEBIBYTE, interfaces=(20,)
)
"""To see that everything works; the figures are worth little."""


@dataclass(frozen=True, slots=True)
class Document:
    """A flow log.

    Attributes:
        subject: What it is, for the results.
        blob: What it is called.
        data: Its bytes.
        chunks: The same, cut as a run reads them.
        flows: How many flows are in it: tuples that fit their layout.

    """

    subject: str
    blob: SourceBlob
    data: bytes
    chunks: tuple[bytes, ...]
    flows: int


def interface_of(subject: str) -> Interface:
    """Return the interface, facing the internet, whose flow log has a format, `VNET` or `NSG`."""
    return internet_facing(SEED)[_PLACES[subject]]


def documents(size: int) -> Iterator[Document]:
    """Write flow logs of `size` bytes or more: of busy interfaces of each format, and of a quiet one."""
    for ending, oddities, interfaces in (
        ("", DIVERSE, internet_facing(SEED)),
        (FEW_PEERS, PLAIN, fleet(len(_PLACES), SEED)),
    ):
        for subject in (VNET, NSG):
            interface = interfaces[_PLACES[subject]]
            yield write_document(f"{subject}{ending}", interface, BUSY_FLOWS, size, oddities)
        yield write_document(f"{VNET}, quiet{ending}", interfaces[_PLACES[VNET]], QUIET_FLOWS, size, oddities)


def write_document(
    subject: str, interface: Interface, per_minute: int, size: int, oddities: Oddities = PLAIN
) -> Document:
    """Write minute after minute until a flow log has `size` bytes, past its hour where need be; no flow repeats.

    Args:
        subject: See `Document`.
        interface: Whose.
        per_minute: Flows.
        size: Bytes at least.
        oddities: What to mix in.

    """
    recorder = Recorder(interface, HOUR, per_minute, SEED, oddities)
    blocks, data, flows = BlockBlob(), bytearray(), 0
    while len(data) < size:
        records = recorder.minute()
        append = blocks.append([record.text for record in records])
        data[append.start :] = append.tail
        flows += sum(record.flows for record in records)
    chunks = tuple(bytes(data[start : start + CHUNK_BYTES]) for start in range(0, len(data), CHUNK_BYTES))
    blob = SourceBlob("bench", interface.log.container, interface.blob_name(HOUR * 60))
    return Document(subject, blob, bytes(data), chunks, flows)
