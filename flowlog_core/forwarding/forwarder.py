"""The use case: forward one blob's fresh bytes.

One pass: take the lease, read the checkpoint, read from it on, verify, scan, decode, encode, pack, send, commit,
release, and look at the source once more: an append that came in between was announced to a run that found the lease
held and went away. Sending comes before committing, always. Of a large blob the next chunk is read, and a batch is
sent, while one is encoded.
"""

import logging
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Literal

from flowlog_core.decode.formats import RECORD_MARKER
from flowlog_core.decode.log_reader import decode_item
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.decode.scanner import HEADER_BYTES, Item, MalformedRange, Scanner
from flowlog_core.errors import (
    BlobChangedError,
    BlobGoneError,
    CheckpointLostError,
    FlowLogError,
    NotAFlowLogError,
    StorageError,
)
from flowlog_core.events.packer import EventOptions, PackedRange, Packer
from flowlog_core.flow.formatter import Encoder
from flowlog_core.forwarding.checkpoint import Checkpoint, fingerprint_of
from flowlog_core.forwarding.delivery import SEND_SECONDS, Delivery, OutOfTimeError
from flowlog_core.forwarding.ports import (
    BlobSource,
    CheckpointLease,
    CheckpointStore,
    Chunk,
    Clock,
    EventSink,
    Log,
    Quarantine,
)
from flowlog_core.source.blob import SourceBlob

Start = Literal["now", "all"] | datetime

_TOP_RULES: Final = 10  # so many are logged
_COMMIT_SECONDS: Final = 10.0  # a commit is safe in any case, by its condition; this is only to make it work out


@dataclass(frozen=True, slots=True)
class ForwardOptions:
    """How blobs are forwarded.

    Attributes:
        events: How events are written.
        partition_by: ``mac``: the path's MAC address is the partition key; ``none``: round robin.
        run_seconds: After so long a run commits and ends.
        start: Blobs of hours before this are left alone; ``now`` is the hour of the destination's first run.
        chunk_bytes: How much of a blob is read at once; memory depends on it, and not on the blob.
        batch_bytes: How much is queued before a send; about what goes into one batch of Event Hubs.
        replay: Label of a replay, for its events; None where blobs are forwarded for the first time.

    """

    events: EventOptions = field(default_factory=EventOptions)
    partition_by: Literal["mac", "none"] = "mac"
    run_seconds: float = 240
    start: Start = "now"
    chunk_bytes: int = 4 * 1024 * 1024
    batch_bytes: int = 1024 * 1024
    replay: str | None = None


@dataclass(slots=True)
class RunReport:
    """What one pass over a blob did; the fields of the log event ``flowlog.run``.

    Attributes:
        blob: The source blob.
        from_offset: Where it began.
        to_offset: How far it came.
        bytes_read: Bytes of the source blob that were read.
        records: Records read.
        flows: Flows acknowledged.
        events: Events acknowledged.
        quarantined: Records and tuples put in quarantine.
        denied: Of the flows read, those that were denied.
        rules: Name of each rule to how many of the flows read it decided.
        generation: The blob's generation.
        complete: Whether all of the blob was forwarded, as it was when read.
        lag_seconds: Now minus the time of the last record, or None where there was none.
        duration_ms: How long it took.
        requests: Storage requests made.
        etag: The source's ETag when last read.

    """

    blob: SourceBlob
    from_offset: int = 0
    to_offset: int = 0
    bytes_read: int = 0
    records: int = 0
    flows: int = 0
    events: int = 0
    quarantined: int = 0
    denied: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    generation: int = 0
    complete: bool = False
    lag_seconds: float | None = None
    duration_ms: int = 0
    requests: int = 0
    etag: str = ""

    def fields(self) -> dict[str, object]:
        """Give the fields of the log event."""
        return {
            "blob": self.blob.path,
            "from": self.from_offset,
            "to": self.to_offset,
            "bytes": self.bytes_read,
            "records": self.records,
            "flows": self.flows,
            "events": self.events,
            "quarantined": self.quarantined,
            "denied": self.denied,
            "rules": dict(self.rules.most_common(_TOP_RULES)),
            "generation": self.generation,
            "complete": self.complete,
            "lagSeconds": self.lag_seconds,
            "durationMs": self.duration_ms,
            "requests": self.requests,
        }


def first_hour(start: Start, first_run: Callable[[], datetime]) -> datetime | None:
    """Give the hour before which blobs are left alone, or None where none are.

    Args:
        start: As the option says.
        first_run: Gives the time of the destination's first run; asked only where that counts.

    """
    if start == "all":
        return None
    return first_run().replace(minute=0, second=0, microsecond=0) if start == "now" else start


class Forwarder:
    """Forwards blobs to one destination. Safe to share between threads."""

    def __init__(
        self,
        *,
        source: BlobSource,
        checkpoints: CheckpointStore,
        sink: EventSink,
        quarantine: Quarantine,
        clock: Clock,
        log: Log,
        background: Executor,
        options: ForwardOptions,
    ) -> None:
        """Take what forwarding needs; `background` is where a large blob is read ahead, and its events are sent."""
        self.source = source
        self.checkpoints = checkpoints
        self.sink = sink
        self.quarantine = quarantine
        self.clock = clock
        self.log = log
        self.background = background
        self.options = options
        self.encoder = Encoder(options.events.fields)
        self._first_hour: datetime | None = None

    def forward(self, blob: SourceBlob) -> list[RunReport]:
        """Forward what is new in a blob; give a report for each pass, none where there was nothing to do.

        A blob that is no flow log by its name, or of an hour before the start, is left alone. One that is gone has
        nothing left to forward. One that another run holds is left to that run, which looks at it again.

        Raises:
            SendError: The destination can't be reached.
            StorageError: Storage refused or failed a request.
            CheckpointUnreadableError: The checkpoint is of another version.

        """
        if not blob.is_flow_log or self._is_before_start(blob):
            return []
        reports: list[RunReport] = []
        deadline = self.clock.monotonic() + self.options.run_seconds
        try:
            while (report := self._pass(blob, deadline)) is not None:
                reports.append(report)
                # The look: what came in between was announced to a run that found the lease held.
                if self.source.etag(blob) == report.etag or self.clock.monotonic() >= deadline:
                    break
        except BlobGoneError:
            self.log("flowlog.gone", {"blob": blob.path})
        except FlowLogError as error:
            fault = {"blob": blob.path, "error": type(error).__name__, "reason": str(error)}
            self.log("flowlog.fault", fault, level=logging.ERROR)
            raise
        return reports

    def first_hour(self) -> datetime | None:
        """Give the hour before which blobs are left alone, or None where none are.

        Raises:
            StorageError: The time of the destination's first run can't be read.

        """
        if self._first_hour is None:
            self._first_hour = first_hour(self.options.start, lambda: self.checkpoints.first_run(self.clock.now()))
        return self._first_hour

    def _is_before_start(self, blob: SourceBlob) -> bool:
        return blob.is_before(self.first_hour())

    def _pass(self, blob: SourceBlob, deadline: float) -> RunReport | None:
        began = self.clock.monotonic()
        lease = self.checkpoints.acquire(blob)
        if lease is None:
            self.log("flowlog.conflict", {"blob": blob.path, "reason": "another run holds the blob"})
            return None
        run = _Run(self, blob, lease, deadline=deadline, lease_end=began + self.checkpoints.lease_seconds)
        try:
            run.forward()
        except BlobGoneError:
            pass  # the look will tell whether it is there again
        except CheckpointLostError as error:
            self.log("flowlog.conflict", {"blob": blob.path, "reason": str(error)}, level=logging.WARNING)
            return None
        finally:
            run.finish(began)
            lease.release()
        return run.report


class _Run:
    """One pass over one blob, under its lease."""

    def __init__(
        self, forwarder: Forwarder, blob: SourceBlob, lease: CheckpointLease, *, deadline: float, lease_end: float
    ) -> None:
        self.report = RunReport(blob)
        self._use = forwarder
        self._blob = blob
        self._lease = lease
        self._deadline = deadline
        self._lease_end = lease_end
        self._checkpoint = Checkpoint()  # how far the blob is forwarded
        self._committed = Checkpoint()  # how much of that is committed
        self._scanner = Scanner(RECORD_MARKER)
        self._packer: Packer | None = None
        self._untold = 0  # in quarantine, and to be told by a packer that does not exist yet
        self._base = Checkpoint()  # at the snapshot's begin; since then:
        self._records = self._flows = self._events = self._quarantined = 0
        self._last_time: str | None = None
        by_mac = forwarder.options.partition_by == "mac"
        self._delivery = Delivery(
            blob,
            sink=forwarder.sink,
            clock=forwarder.clock,
            log=forwarder.log,
            partition_key=blob.partition_key if by_mac else None,
            deadline=deadline,
            patience=forwarder.options.run_seconds,
            hold_lease=self._hold_lease,
        )

    def forward(self) -> None:
        """Forward one snapshot of the blob after the other, until one was read to its end or time is up."""
        self._checkpoint = self._committed = self._lease.read()
        self.report.from_offset = self._checkpoint.offset
        try:
            while self._forward_snapshot():
                pass
        except OutOfTimeError:
            pass
        except CheckpointLostError:
            self._delivery.abandon()
            self._delivery.take_forwarded()
            self._committed = self._checkpoint  # it is another run's now
            raise
        finally:
            self._finish()

    def _finish(self) -> None:
        """End the sending, and commit what is acknowledged."""
        try:
            self._delivery.finish()
        finally:
            self._take_forwarded()
            self._commit()

    def finish(self, began: float) -> None:
        """Complete the report and log it."""
        report, checkpoint, clock = self.report, self._checkpoint, self._use.clock
        report.to_offset = checkpoint.offset
        report.generation = checkpoint.generation
        report.complete = checkpoint.complete
        report.etag = checkpoint.etag
        report.flows = self._delivery.flows
        report.events = self._delivery.events
        report.requests += self._lease.requests + 2  # the release, and the look at the source after it
        report.duration_ms = round((clock.monotonic() - began) * 1000)
        if self._last_time is not None:
            report.lag_seconds = _seconds_since(self._last_time, clock.now())
        self._use.log("flowlog.run", report.fields())

    # Reading: one snapshot of the blob, in chunks.

    def _forward_snapshot(self) -> bool:
        """Forward the blob as it is now; say whether it changed meanwhile and must be looked at again."""
        checkpoint = self._checkpoint
        start = checkpoint.verify_from
        first = self._read(start, checkpoint.offset - start + self._use.options.chunk_bytes)
        if checkpoint.is_complete(first.etag):
            return False
        preceding = first.data[: checkpoint.offset - start]
        reason = checkpoint.rewritten(first.length, preceding)
        if reason is not None:
            self._begin_again(reason)
            return True
        self._begin_snapshot(first, preceding)
        try:
            for data in self._chunks(first, len(preceding)):
                self._scanner.feed(data)
                self._forward_items()
            self._scanner.end()
            self._forward_items()
            self._deliver_rest()
        except BlobChangedError:
            return True
        except NotAFlowLogError as error:
            crc = zlib.crc32(first.data[:HEADER_BYTES])
            self._put_aside(QuarantineItem(self._blob, 0, first.length, crc, str(error), None))
            self._checkpoint = replace(self._base, quarantined=self._base.quarantined + 1)
        self._checkpoint = replace(self._checkpoint, complete=not self._scanner.unfinished)
        return False

    def _begin_again(self, reason: str) -> None:
        self._checkpoint = self._checkpoint.next_generation()
        self._use.log(
            "flowlog.rewritten",
            {"blob": self._blob.path, "generation": self._checkpoint.generation, "reason": reason},
            level=logging.WARNING,
        )

    def _begin_snapshot(self, first: Chunk, preceding: bytes) -> None:
        self._checkpoint = replace(self._checkpoint, etag=first.etag, length=first.length, complete=False)
        self._scanner = Scanner(RECORD_MARKER, offset=self._checkpoint.offset, preceding=preceding)
        self._packer = None
        self._untold = self._checkpoint.pending_quarantined
        self._base = self._checkpoint
        self._records = self._flows = self._events = self._quarantined = 0

    def _chunks(self, first: Chunk, preceding: int) -> Iterator[bytes]:
        """Give the snapshot's bytes from the checkpoint on; the next ones are read while these are in work."""
        use, size = self._use, self._use.options.chunk_bytes
        position = self._checkpoint.offset + len(first.data) - preceding
        data = first.data[preceding:]
        while position < first.length:
            self.report.requests += 1
            ahead = use.background.submit(use.source.read, self._blob, position, size, etag=first.etag)
            try:
                yield data
                self._commit_forwarded()
                data = self._awaited(ahead)
            finally:
                ahead.cancel()
            position += len(data)
        yield data

    def _awaited(self, ahead: Future[Chunk]) -> bytes:
        """Wait for a chunk; where it won't come, forward what was read before."""
        if self._out_of_time():
            self._deliver_rest()
            raise OutOfTimeError
        try:
            data = ahead.result().data
        except (BlobChangedError, BlobGoneError, StorageError):
            self._deliver_rest()
            raise
        self.report.bytes_read += len(data)
        return data

    def _read(self, start: int, size: int) -> Chunk:
        self.report.requests += 1
        chunk = self._use.source.read(self._blob, start, size)
        self.report.bytes_read += len(chunk.data)
        return chunk

    # Decoding and packing: what the scanner finds becomes ranges of events, or goes to quarantine.

    def _forward_items(self) -> None:
        """Pack the records that the bytes fed so far give, and send what there is enough of."""
        for item in self._scanner.items():
            self._enqueue(self._pack(item))
            try:
                self._delivery.send_ahead(self._use.background, self._use.options.batch_bytes)
            finally:
                self._take_forwarded()
            if self._out_of_time():
                self._deliver_rest()
                raise OutOfTimeError

    def _pack(self, item: Item) -> list[PackedRange]:
        """Decode, encode and pack one item; what can't be decoded goes to quarantine."""
        if isinstance(item, MalformedRange):
            decoded = decode_item(self._blob, item, self._use.encoder)
        else:
            self._records += 1
            self.report.records += 1
            self._packer = self._packer or self._new_packer()
            limit = self._packer.max_flow_bytes
            decoded = decode_item(self._blob, item, self._use.encoder, max_flow_bytes=limit)
        if decoded.rejected is not None:
            self._put_aside(decoded.rejected)
        if decoded.encoded is None or self._packer is None:
            return []
        self._last_time = decoded.time
        self.report.denied += decoded.encoded.denied
        self.report.rules.update(decoded.encoded.rules)
        return self._packer.add(item.end, decoded.encoded)

    def _new_packer(self) -> Packer:
        return Packer(
            self._blob,
            self._use.options.events,
            max_event_bytes=self._delivery.max_event_bytes(),
            generation=self._checkpoint.generation,
            range_start=self._checkpoint.range_end,
            quarantined=self._untold,
            replay=self._use.options.replay,
        )

    def _put_aside(self, item: QuarantineItem) -> None:
        """Put an item in quarantine, and see to it that an event will tell."""
        self._hold_lease()
        self._use.quarantine.put(item, self._use.clock.now())
        if self._packer is not None:
            self._packer.put_aside(item.count)
        else:
            self._untold += item.count
        self._quarantined += item.count
        self.report.quarantined += item.count
        self.report.requests += 1
        fields = {
            "blob": self._blob.path,
            "offset": item.offset,
            "length": item.length,
            "reason": item.reason,
            "count": item.count,
        }
        self._use.log("flowlog.quarantined", fields, level=logging.WARNING)

    def _reached(self) -> Checkpoint:
        """Give the checkpoint for when everything that is packed so far has been acknowledged."""
        base, packer = self._base, self._packer
        return replace(
            base,
            offset=self._scanner.offset,
            range_end=packer.range_start if packer else base.range_end,
            pending_quarantined=packer.quarantined if packer else self._untold,
            fingerprint=fingerprint_of(self._scanner.preceding),
            records=base.records + self._records,
            flows=base.flows + self._flows,
            events=base.events + self._events,
            quarantined=base.quarantined + self._quarantined,
        )

    # Sending and committing.

    def _enqueue(self, ranges: list[PackedRange]) -> None:
        for packed in ranges:
            self._flows += packed.flows
            self._events += len(packed.events)
            self._delivery.enqueue(packed, self._reached())

    def _deliver_rest(self) -> None:
        """Send all that was packed; then everything that the scanner gave is forwarded."""
        if self._packer is not None:
            self._enqueue(self._packer.flush())
        try:
            self._delivery.drain()
        finally:
            self._take_forwarded()
        self._checkpoint = self._reached()

    def _take_forwarded(self) -> None:
        self._checkpoint = self._delivery.take_forwarded() or self._checkpoint

    def _commit_forwarded(self) -> None:
        """Commit what is acknowledged by now; where records gave no flows, that is all that was read."""
        self._take_forwarded()
        if self._delivery.is_idle and (self._packer is None or self._packer.is_empty):
            self._checkpoint = self._reached()
        self._commit()

    def _out_of_time(self) -> bool:
        return self._use.clock.monotonic() >= self._deadline

    def _hold_lease(self, seconds: float = SEND_SECONDS) -> None:
        """Make sure that the lease holds for so long; by default, that it outlasts a send."""
        now = self._use.clock.monotonic()
        if now + seconds > self._lease_end:
            self._lease.renew()
            self._lease_end = now + self._use.checkpoints.lease_seconds

    def _commit(self) -> None:
        if self._checkpoint != self._committed:
            with suppress(StorageError):  # the lease may hold long enough; if not, the commit's condition says so
                self._hold_lease(_COMMIT_SECONDS)
            stamped = replace(self._checkpoint, time=self._use.clock.now())
            self._lease.commit(stamped)
            self._checkpoint = self._committed = stamped


def _seconds_since(time: str, now: datetime) -> float | None:
    """Give the seconds between a record's time, as written, and now; None where it can't be read."""
    try:
        then = datetime.fromisoformat(time)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return round((now - then).total_seconds(), 3)
