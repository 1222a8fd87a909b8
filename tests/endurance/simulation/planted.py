"""Bugs to plant in the app, one at a time, to see that the simulation finds them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from unittest.mock import patch

from flowlog_core.decode.log_reader import DecodedItem
from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.errors import BlobArchivedError, StorageError
from flowlog_core.forwarding import progress, sweep_pending
from flowlog_core.forwarding.announced_batch import BatchForwarder
from flowlog_core.forwarding.blob_pass import BlobPass
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.delivery import Delivery
from flowlog_core.forwarding.forwarder import Forwarder
from flowlog_core.forwarding.last_sweep import LastSweep, Place
from flowlog_core.forwarding.lease import HeldLease
from flowlog_core.forwarding.outcome import Outcome, PassReport
from flowlog_core.forwarding.ports import ListedBlob
from flowlog_core.forwarding.progress import Progress
from flowlog_core.forwarding.quarantining import Quarantining
from flowlog_core.forwarding.sweep import Sweeper, _Sweep
from flowlog_core.forwarding.sweep_pending import PendingBlobs, SweepMemory
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.gate import Gate
from tests.endurance.simulation.ports import Checkpoints, Lease
from tests.endurance.simulation.scheduler import Simulation


@contextmanager
def _commit_before_send() -> Iterator[None]:
    drain = BlobPass._deliver_rest

    def commit_and_send(self: BlobPass) -> None:
        if self._progress._packed:
            self._progress._acknowledged = self._progress._packed[-1].checkpoint
            self._commit()
        drain(self)

    with patch.object(BlobPass, "_deliver_rest", commit_and_send):
        yield


@contextmanager
def _release_while_sending() -> Iterator[None]:
    with patch.object(Delivery, "_await", lambda _: None):
        yield


@contextmanager
def _leave_a_range_begun() -> Iterator[None]:
    with patch.object(Delivery, "finish", Delivery._await):
        yield


@contextmanager
def _commit_what_is_queued() -> Iterator[None]:
    reached: Callable[[Progress], Checkpoint] = vars(Progress)["reached"].fget

    def all_of_it(self: Progress) -> Checkpoint:
        return self._packed[-1].checkpoint if self._packed else reached(self)

    with patch.object(Progress, "reached", property(all_of_it)):
        yield


@contextmanager
def _no_fingerprint() -> Iterator[None]:
    def shorter(self: Checkpoint, length: int, _: bytes) -> str | None:
        return "shorter" if length < self.offset else None

    with patch.object(Checkpoint, "rewritten", shorter):
        yield


@contextmanager
def _offset_is_length() -> Iterator[None]:
    reached: Callable[[Progress], Checkpoint] = vars(Progress)["reached"].fget

    def at_the_end(self: Progress) -> Checkpoint:
        checkpoint = reached(self)
        return replace(checkpoint, offset=checkpoint.length)

    with patch.object(Progress, "reached", property(at_the_end)):
        yield


@contextmanager
def _no_lease() -> Iterator[None]:
    with patch.object(Simulation, "no_lease", new=True):
        yield


@contextmanager
def _no_look_after_release() -> Iterator[None]:
    with patch.object(Forwarder, "_is_to_be_read_again", lambda *_: False):
        yield


@contextmanager
def _no_look_however_long_the_lease_was_held() -> Iterator[None]:
    release = HeldLease.release

    def release_shortly(self: HeldLease) -> bool:
        release(self)
        return True

    with patch.object(HeldLease, "release", release_shortly):
        yield


@contextmanager
def _no_second_try_for_a_lease_that_is_held() -> Iterator[None]:
    acquire = Forwarder._acquire

    def acquire_at_once(self: Forwarder, report: PassReport, **_: bool) -> HeldLease | None:
        return acquire(self, report, waits=False)

    with patch.object(Forwarder, "_acquire", acquire_at_once):
        yield


@contextmanager
def _no_look_after_a_renewal() -> Iterator[None]:
    release = HeldLease.release

    def release_renewed_shortly(self: HeldLease) -> bool:
        renewed = self._end > self._acquired + self._seconds
        return release(self) or renewed

    with patch.object(HeldLease, "release", release_renewed_shortly):
        yield


@contextmanager
def _sweep_by_length() -> Iterator[None]:
    def same_length(checkpoint: Checkpoint | None, listed: ListedBlob) -> bool:
        return checkpoint is not None and checkpoint.length == listed.length

    with patch.object(sweep_pending, "_is_complete", same_length):
        yield


@contextmanager
def _no_renewal() -> Iterator[None]:
    with patch.object(HeldLease, "hold", lambda *_: None):
        yield


@contextmanager
def _no_gate() -> Iterator[None]:
    with patch.object(Gate, "refusal", lambda *_: None):
        yield


@contextmanager
def _sweep_starves() -> Iterator[None]:
    def time_alone(self: LastSweep) -> dict[str, str]:
        return {"time": self.time.isoformat()}

    with patch.object(LastSweep, "to_metadata", time_alone):
        yield


@contextmanager
def _checkpoint_for_whatever_is_announced() -> Iterator[None]:
    acquire = Checkpoints.acquire

    def unconfirmed(self: Checkpoints, blob: SourceBlob, _: Callable[[], object]) -> Lease | None:
        return acquire(self, blob, lambda: None)

    with patch.object(Checkpoints, "acquire", unconfirmed):
        yield


@contextmanager
def _sweep_leaves_a_page_half_done() -> Iterator[None]:
    settle = Sweeper._settle

    def settle_and_go_on(self: Sweeper, *arguments: Any) -> bool:
        settle(self, *arguments)
        return True

    with patch.object(Sweeper, "_settle", settle_and_go_on):
        yield


@contextmanager
def _sweep_forgets_what_it_left() -> Iterator[None]:
    with patch.object(_Sweep, "leave", lambda _: None):
        yield


@contextmanager
def _sweep_looks_back_from_now() -> Iterator[None]:
    hours = Sweeper._hours

    def from_now(self: Sweeper, now: datetime, _: LastSweep | None) -> list[datetime]:
        return hours(self, now, None)

    with patch.object(Sweeper, "_hours", from_now):
        yield


@contextmanager
def _settled_hours() -> Iterator[None]:
    pending_of = PendingBlobs.of
    settled: set[tuple[SweepMemory, Place, str]] = set()  # of each process

    def unless_settled(self: PendingBlobs, place: Place, resource: str) -> list[ListedBlob]:
        key = self._memory, place, resource
        if key in settled:
            return []
        found = pending_of(self, place, resource)
        if not found and self._now >= place.hour + timedelta(hours=1):
            settled.add(key)
        return found

    with patch.object(PendingBlobs, "of", unless_settled):
        yield


@contextmanager
def _sweep_takes_up_archived_blobs() -> Iterator[None]:
    with patch.object(PendingBlobs, "_count", lambda _, found: found.pending):
        yield


@contextmanager
def _archived_is_a_fault() -> Iterator[None]:
    run = BlobPass.run

    def run_or_raise(self: BlobPass) -> Outcome:
        outcome = run(self)
        if outcome is Outcome.ARCHIVED:
            raise BlobArchivedError("archived")
        return outcome

    with patch.object(BlobPass, "run", run_or_raise):
        yield


@contextmanager
def _forget_what_is_pending() -> Iterator[None]:
    with patch.object(progress, "_pending_at", lambda _: TupleCounts()):
        yield


@contextmanager
def _forget_what_is_listed() -> Iterator[None]:
    read = Quarantining._read_overflow

    def read_and_forget(self: Quarantining, offset: int, crc: int) -> None:
        read(self, offset, crc)
        if self._overflow is not None:
            self._overflow.entries.clear()

    with patch.object(Quarantining, "_read_overflow", read_and_forget):
        yield


@contextmanager
def _commit_before_the_list_is_written() -> Iterator[None]:
    put = Quarantining.put_overflow

    def commit_first(self: BlobPass) -> None:
        if self._progress.has_moved:
            self._commit_checkpoint(self._progress.reached)
            put(self._quarantining)

    with (
        patch.object(BlobPass, "_commit", commit_first),
        patch.object(Quarantining, "put_overflow", lambda _: None),
    ):
        yield


@contextmanager
def _commit_what_is_held_back() -> Iterator[None]:
    hold = Quarantining.hold

    def hold_and_count(self: Quarantining, decoded: DecodedItem, preceding: bytes) -> bool:
        held = hold(self, decoded, preceding)
        if held:
            self._progress.read(decoded.end, preceding, records=0, flows=0)
        return held

    with patch.object(Quarantining, "hold", hold_and_count):
        yield


@contextmanager
def _no_ceiling() -> Iterator[None]:
    with patch.object(Progress, "put", lambda *_, **__: None):
        yield


@contextmanager
def _batch_forwards_its_first_blob_alone() -> Iterator[None]:
    forward = BatchForwarder._forward

    def forward_first(self: BatchForwarder, blobs: Iterable[SourceBlob], until: float) -> list[SourceBlob]:
        return forward(self, list(blobs)[:1], until)

    with patch.object(BatchForwarder, "_forward", forward_first):
        yield


@contextmanager
def _batch_ends_with_its_first_fault() -> Iterator[None]:
    forward = BatchForwarder._forward

    def forward_or_raise(self: BatchForwarder, blobs: Iterable[SourceBlob], until: float) -> list[SourceBlob]:
        if forward(self, blobs, until):
            raise StorageError("of one blob")
        return []

    with patch.object(BatchForwarder, "_forward", forward_or_raise):
        yield


PLANTED: Final[dict[str, Callable[[], AbstractContextManager[None]]]] = {
    "commit before send": _commit_before_send,
    "commit what is still being sent": _commit_what_is_queued,
    "release while sending": _release_while_sending,
    "leave a range that is begun": _leave_a_range_begun,
    "no fingerprint": _no_fingerprint,
    "offset is the length": _offset_is_length,
    "no lease": _no_lease,
    "no look after release": _no_look_after_release,
    "no look however long the lease was held": _no_look_however_long_the_lease_was_held,
    "no second try for a lease that is held": _no_second_try_for_a_lease_that_is_held,
    "no look after a renewal": _no_look_after_a_renewal,
    "sweep by length alone": _sweep_by_length,
    "no renewal of the lease": _no_renewal,
    "no gate": _no_gate,
    "a checkpoint for whatever is announced": _checkpoint_for_whatever_is_announced,
    "sweep always begins at the first": _sweep_starves,
    "sweep leaves a page half done": _sweep_leaves_a_page_half_done,
    "sweep forgets what it left": _sweep_forgets_what_it_left,
    "sweep looks back from now": _sweep_looks_back_from_now,
    "late append not looked at": _settled_hours,
    "sweep takes up archived blobs": _sweep_takes_up_archived_blobs,
    "archived is a fault": _archived_is_a_fault,
    "what no range accounted for is forgotten": _forget_what_is_pending,
    "the list forgets what it had": _forget_what_is_listed,
    "commit before the list is written": _commit_before_the_list_is_written,
    "commit what is held back": _commit_what_is_held_back,
    "quarantine has no ceiling": _no_ceiling,
    "a batch forwards its first blob alone": _batch_forwards_its_first_blob_alone,
    "a batch ends with its first fault": _batch_ends_with_its_first_fault,
}
