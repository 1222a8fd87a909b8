"""Reads snapshots of one blob. Every read of a snapshot carries its ETag."""

from collections.abc import Iterator
from concurrent.futures import Executor

from flowlog_core.forwarding.outcome import PassReport
from flowlog_core.forwarding.ports import BlobSource, Chunk


class SnapshotReader:
    """Reads for one pass, and counts in its report.

    Attributes:
        at_end: Whether `read_chunks` has returned the last chunk.

    """

    def __init__(self, report: PassReport, source: BlobSource, background: Executor, chunk_bytes: int) -> None:
        """Take what reading needs; `background` is where the next chunk is read."""
        self.at_end = False
        self._report = report
        self._source = source
        self._background = background
        self._chunk_bytes = chunk_bytes

    def read_first(self, verify_from: int, offset: int) -> Chunk:
        """Read the blob as it is now: a chunk from `offset` on, and what precedes it from `verify_from` on.

        Raises:
            BlobGoneError: There is no such blob.
            StorageError: The request failed.

        """
        self._report.requests += 1
        first = self._source.read(self._report.blob, verify_from, offset - verify_from + self._chunk_bytes)
        self._report.bytes_read += len(first.data)
        return first

    def read_chunks(self, first: Chunk, preceding: int, position: int) -> Iterator[bytes]:
        """Return a snapshot's bytes from `position` on; the next chunk is read while the caller works on one.

        Args:
            first: What `read_first` returned.
            preceding: How many of its bytes are before `position`.
            position: Offset to begin at.

        Raises:
            BlobChangedError: It is another snapshot by now.
            BlobGoneError: There is no such blob any more.
            StorageError: A request failed.

        """
        report, size = self._report, self._chunk_bytes
        self.at_end = False
        data = first.data[preceding:]
        position += len(data)
        while position < first.length:
            report.requests += 1
            ahead = self._background.submit(self._source.read, report.blob, position, size, etag=first.etag)
            try:
                yield data
                data = ahead.result().data
            finally:
                ahead.cancel()
            report.bytes_read += len(data)
            position += len(data)
        self.at_end = True
        yield data
