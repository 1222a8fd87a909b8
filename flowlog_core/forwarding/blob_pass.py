"""One pass: one look at a blob under its lease.

Read the checkpoint, read the blob from it on, verify, scan, decode, encode, pack, send, commit. Sending comes before
committing, always. Of a large blob the next chunk is read, and a batch is sent, while one is encoded.
"""

import logging
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from flowlog_core.decode.log_reader import DecodedItem, LogReader
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.decode.scanner import HEADER_BYTES
from flowlog_core.errors import (
    BlobArchivedError,
    BlobChangedError,
    BlobGoneError,
    BusyError,
    CheckpointLostError,
    NotAFlowLogError,
    OutOfTimeError,
    PassEndedError,
    StoppedError,
    StorageError,
)
from flowlog_core.flow.formatter import Encoder
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.delivery import Delivery, Patience
from flowlog_core.forwarding.forward_ports import ForwardPorts
from flowlog_core.forwarding.large_records import LargeRecordTurn
from flowlog_core.forwarding.lease import HeldLease
from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.forwarding.outcome import Outcome, PassReport
from flowlog_core.forwarding.packing import Packing
from flowlog_core.forwarding.ports import Chunk
from flowlog_core.forwarding.progress import Progress
from flowlog_core.forwarding.quarantining import Quarantining
from flowlog_core.forwarding.snapshot import SnapshotReader

if TYPE_CHECKING:
    from datetime import datetime

_OUTCOMES: Final[dict[type[Exception], Outcome]] = {
    OutOfTimeError: Outcome.OUT_OF_TIME,
    BusyError: Outcome.BUSY,
    StoppedError: Outcome.STOPPED,
    BlobGoneError: Outcome.GONE,
    BlobArchivedError: Outcome.ARCHIVED,
}
"""What ends a pass early, without a fault."""


class BlobPass:
    """One pass over one blob, under its lease."""

    def __init__(
        self,
        report: PassReport,
        lease: HeldLease,
        *,
        ports: ForwardPorts,
        options: ForwardOptions,
        encoder: Encoder,
        deadline: float,
    ) -> None:
        """Take what a pass needs.

        Args:
            report: Says which blob; the pass writes into it what it does.
            lease: On the blob's checkpoint.
            ports: What it works with.
            options: How the blob is forwarded.
            encoder: Writes the flows.
            deadline: When the run's time is up, on the clock's monotonic scale.

        Raises:
            CheckpointUnreadableError: The checkpoint is of another version.
            StorageError: It can't be read.

        """
        blob = report.blob
        self._report = report
        self._blob = blob
        self._lease = lease
        self._ports = ports
        self._options = options
        self._encoder = encoder
        self._deadline = deadline
        self._last_commit = ports.clock.monotonic()
        self._progress = Progress(lease.read())
        self._delivery = Delivery(
            blob,
            self._progress,
            ports,
            partition_key=blob.partition_key if options.partition_by == "mac" else None,
            patience=Patience(deadline, options.run_seconds),
            hold_lease=self._get_ready_to_send,
            commit=self._commit_where_due,
        )
        self._snapshot = SnapshotReader(report, ports.source, ports.background, options.chunk_bytes)
        self._large_record = LargeRecordTurn(ports.large_records)
        self._packing = Packing(blob, options, self._progress, self._delivery)
        self._quarantining = Quarantining(
            blob,
            lease,
            ports,
            progress=self._progress,
            limits=options.quarantine,
            quarantined=report.in_quarantine,
        )
        self._last_moment: datetime | None = None  # of the records with a readable time
        self._report.from_offset = self._progress.committed.offset

    def run(self) -> Outcome:
        """Forward one snapshot of the blob after the other, until one was read to its end or time is up.

        Raises:
            CheckpointLostError: The lease is another run's.
            SendError: The destination can't be reached.
            StorageError: Storage refused or failed a request.
            EventLimitError: The hub's events are too small for a flow.

        """
        try:
            while (outcome := self._forward_snapshot()) is None:
                pass
        except (PassEndedError, BlobGoneError, BlobArchivedError) as ended:
            outcome = _OUTCOMES[type(ended)]
        except CheckpointLostError:
            self._delivery.abandon()
            self._progress.lose()
            raise
        finally:
            self._finish()
        return outcome

    def _finish(self) -> None:
        """End the sending, commit what is acknowledged, and complete the report."""
        try:
            self._delivery.finish()
        except StoppedError:
            pass  # a stop at once: the rest of a range comes again with the next run
        finally:
            self._large_record.end()
            self._commit()
            self._report.requests += self._quarantining.requests
            self._report.throttled = self._delivery.throttled
            _complete(self._report, self._progress)
            if self._last_moment is not None:
                lag = self._ports.clock.now() - self._last_moment
                self._report.lag_seconds = round(lag.total_seconds(), 3)

    # Reading: one snapshot of the blob, in chunks.

    def _forward_snapshot(self) -> Outcome | None:
        """Forward the blob as it is now; None where it changed meanwhile and must be read again."""
        self._quarantining.begin_snapshot()  # before progress takes what is listed for written
        checkpoint = self._progress.reached
        start = checkpoint.verify_from
        first = self._snapshot.read_first(start, checkpoint.offset)
        if checkpoint.is_complete(first.etag):
            return Outcome.COMPLETE
        preceding = first.data[: checkpoint.offset - start]
        reason = checkpoint.rewritten(first.length, preceding)
        if reason is not None:
            self._progress.begin_generation()
            self._report.rewritten = True
            fields = {"blob": self._blob.path, "generation": self._progress.reached.generation, "reason": reason}
            self._ports.log("flowlog.rewritten", fields, level=logging.WARNING)
            return None
        self._progress.begin_snapshot(first.etag, first.length)
        self._packing = Packing(self._blob, self._options, self._progress, self._delivery)
        # Not an attribute: in a cycle its buffers would stay in memory after the pass.
        log = LogReader(
            self._blob,
            self._encoder,
            offset=checkpoint.offset,
            preceding=preceding,
            max_flow_bytes=self._packing.max_flow_bytes,
            before_large=self._take_turn,
        )
        try:
            for decoded in log.read(self._chunks(first, checkpoint.offset, len(preceding))):
                self._forward_item(decoded, log.preceding)
                del decoded  # a large record is let go of before another one is formed
                self._large_record.end()
            self._quarantining.put_held()
            self._deliver_rest()
        except BlobChangedError:
            return None
        except NotAFlowLogError as error:
            crc = zlib.crc32(first.data[:HEADER_BYTES])
            item = QuarantineItem(self._blob, 0, first.length, crc, str(error), None)
            self._quarantining.put(item)
            self._progress.read_no_flow_log()
        complete = not log.unfinished
        self._quarantining.put_overflow()
        self._progress.end_snapshot(complete=complete)
        return Outcome.COMPLETE if complete else Outcome.INCOMPLETE

    def _chunks(self, first: Chunk, offset: int, preceding: int) -> Iterator[bytes]:
        """Return the snapshot's bytes from `offset` on; between two chunks commit what is acknowledged."""
        chunks = self._snapshot.read_chunks(first, preceding, offset)
        while (data := self._next(chunks)) is not None:
            yield data
            if not self._snapshot.at_end:
                self._commit()
                self._end_where_time_is_up()

    def _next(self, chunks: Iterator[bytes]) -> bytes | None:
        """Wait for a chunk; where it won't come, forward what was read before."""
        try:
            return next(chunks, None)
        except (BlobChangedError, BlobGoneError, StorageError):
            self._deliver_rest()
            raise

    def _end_where_time_is_up(self) -> None:
        """End the pass where a stop was requested, or, with all sent that is packed, where the run's time is up."""
        if self._ports.stop.is_set:
            raise StoppedError
        if self._ports.clock.monotonic() >= self._deadline:
            self._deliver_rest()
            raise OutOfTimeError

    # Packing: what was decoded becomes ranges of events; what can't be goes to quarantine.

    def _forward_item(self, decoded: DecodedItem, preceding: bytes) -> None:
        """Pack what an item gave, and send what there is enough of; `preceding` are the bytes before its end."""
        encoded = decoded.encoded
        if self._quarantining.hold(decoded, preceding):
            self._end_where_time_is_up()
            return
        self._quarantining.put_held()
        if decoded.rejected is not None:
            self._quarantining.put(decoded.rejected)
        flows = len(encoded.lines) if encoded is not None else 0
        self._progress.count(decoded.counts)
        self._progress.read(decoded.end, preceding, records=decoded.is_record, flows=flows)
        if encoded is not None and decoded.record is not None:
            self._last_moment = decoded.record.moment or self._last_moment
            self._report.denied += encoded.denied
            self._report.rules.update(encoded.rules)
            self._packing.add(decoded.end, encoded)
        if self._large_record.held:
            self._deliver_rest()
        self._delivery.send_ahead(self._ports.background, self._options.batch_bytes)
        self._end_where_time_is_up()

    # A large record: what is good before it is committed first, and it is sent before another run forms one.

    def _take_turn(self) -> None:
        self._deliver_rest()
        self._commit()
        self._large_record.take(self._wait_for_turn)

    def _wait_for_turn(self) -> None:
        self._lease.hold()
        self._end_where_time_is_up()

    def _deliver_rest(self) -> None:
        """Send all that was packed; then everything that was read is forwarded."""
        self._packing.flush()
        self._delivery.drain()

    def _commit_where_due(self) -> None:
        """Commit within a chunk, where the hub takes long for it: what is not committed comes again after a crash."""
        if self._ports.clock.monotonic() - self._last_commit >= self._options.commit_seconds:
            self._commit()

    def _get_ready_to_send(self) -> None:
        """List what precedes the events: else, where that fails later, they could not be committed and came again."""
        self._quarantining.put_overflow()
        self._lease.hold()

    def _commit(self) -> None:
        """Commit what is acknowledged, where there is anything new."""
        if not self._progress.has_moved:
            return
        try:
            self._quarantining.put_overflow()
        except StorageError:
            self._commit_checkpoint(self._progress.acknowledged)
            raise
        self._commit_checkpoint(self._progress.reached)

    def _commit_checkpoint(self, checkpoint: Checkpoint) -> None:
        self._progress.commit(self._lease.commit(checkpoint))
        self._last_commit = self._ports.clock.monotonic()


def _complete(report: PassReport, progress: Progress) -> None:
    """Fill in what the pass has come to."""
    report.to_offset = progress.reached.offset
    report.generation = progress.reached.generation
    report.etag = progress.reached.etag
    report.records = progress.records
    report.quarantined = progress.quarantined
    report.flows = progress.flows
    report.events = progress.events
