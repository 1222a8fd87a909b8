"""The use case: report on the traffic that flow logs in storage tell of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from flowlog_core.errors import BlobChangedError, BlobGoneError, NotAFlowLogError
from flowlog_core.forwarding.listing import FlowLogTree, Selection
from flowlog_core.forwarding.ports import BlobSource
from flowlog_core.operations.report.traffic import Traffic
from flowlog_core.operations.report.twice_logged import LoggedHour, VnetHours
from flowlog_core.source.blob import SourceBlob

READ_BYTES: Final = 4 * 1024 * 1024
"""How much of a blob is read at once."""


@dataclass(slots=True)
class Coverage:
    """Which logs a report is about.

    Attributes:
        logs: Logs whose flows are in it.
        bytes: Bytes of those.
        left_out: NSG flow logs that are not, as a VNet flow log tells of the same traffic.
        left_out_bytes: Bytes of those.
        archived: Blobs in the archive tier, which can't be read.
        gone: Blobs that were deleted between listing and reading.
        no_logs: Blobs or files that are no flow logs.

    """

    logs: int = 0
    bytes: int = 0
    left_out: int = 0
    left_out_bytes: int = 0
    archived: int = 0
    gone: int = 0
    no_logs: int = 0

    @property
    def found_none(self) -> bool:
        """Whether there is no flow log at all, left out, archived and deleted ones included."""
        return not (self.logs or self.left_out or self.archived or self.gone)


def read_blobs(
    traffic: Traffic,
    *,
    source: BlobSource,
    tree: FlowLogTree,
    selection: Selection,
    tell: Callable[[Coverage], None],
    read_bytes: int = READ_BYTES,
) -> Coverage:
    """Add up the flows of the blobs of a selection, day by day: of each day's blobs the names are in memory, no more.

    Args:
        traffic: What adds up.
        source: Where the blobs are read from.
        tree: Where they are listed.
        selection: Which they are.
        tell: Called with how far it has come, after each blob.
        read_bytes: How much of a blob is read at once.

    Raises:
        StorageError: Blobs can't be listed or read.
        TallyError: The disk is full, or can't be written.

    """
    coverage = Coverage()
    for day in _days(selection):
        listed = [each for found in tree.select(day) for each in found.blobs]
        both = VnetHours(LoggedHour.of_path(each.blob) for each in listed if not each.archived)
        for each in listed:
            if both.have(LoggedHour.of_path(each.blob)):
                coverage.left_out += 1
                coverage.left_out_bytes += each.length
            elif each.archived:
                coverage.archived += 1
            else:
                _count(each.blob, coverage, traffic, source, read_bytes)
            tell(coverage)
    return coverage


def _count(blob: SourceBlob, coverage: Coverage, traffic: Traffic, source: BlobSource, read_bytes: int) -> None:
    try:
        coverage.bytes += _read(blob, traffic, source, read_bytes)
        coverage.logs += 1
    except BlobGoneError:
        coverage.gone += 1
    except NotAFlowLogError:
        coverage.no_logs += 1


def _read(blob: SourceBlob, traffic: Traffic, source: BlobSource, read_bytes: int) -> int:
    """Add up a blob's flows; return its length. After an append meanwhile, go on after the last complete record."""
    log = traffic.log(blob)
    while True:
        try:
            chunk = source.read(blob, log.offset, read_bytes)
            position = log.offset + len(chunk.data)
            log.feed(chunk.data)
            while position < chunk.length:
                chunk = source.read(blob, position, read_bytes, etag=chunk.etag)
                position += len(chunk.data)
                log.feed(chunk.data)
        except BlobChangedError:
            log.go_back()
        else:
            log.end()
            return chunk.length


def _days(selection: Selection) -> Iterator[Selection]:
    since = selection.since
    while since < selection.until:
        until = min(since.replace(hour=0) + timedelta(days=1), selection.until)
        yield replace(selection, since=since, until=until)
        since = until
