"""What every checkpoint store does."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flowlog_core.errors import (
    BlobGoneError,
    CheckpointLostError,
    CheckpointUnreadableError,
    LastSweepUnreadableError,
)
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.last_sweep import LastSweep, Place, Position
from flowlog_core.forwarding.ports import CheckpointLease
from flowlog_core.forwarding.silence import Newest, Silence
from flowlog_core.source.blob import SourceBlob
from tests.conformance.services import Services
from tests.conformance.test_blob_source import NAMES

SOME = Checkpoint(
    offset=1234,
    range_end=1200,
    pending_quarantined=2,
    fingerprint="0123456789abcdef" * 2,
    generation=3,
    etag='"0x8DC;=% é"',
    length=5000,
    complete=True,
    records=7,
    flows=99,
    events=5,
    quarantined=4,
    time=datetime(2026, 11, 20, 23, 0, 1, 500_000, tzinfo=UTC),
)


def at(offset: int) -> Checkpoint:
    """A checkpoint at an offset, with nothing pending."""
    return replace(SOME, offset=offset, range_end=offset, pending_quarantined=0)


def blob_of(name: str = "a/PT1H.json") -> SourceBlob:
    return SourceBlob("account", f"c{uuid.uuid4().hex}", name)


def seen() -> None:
    """The source blob is there."""


def acquired(services: Services, blob: SourceBlob) -> CheckpointLease:
    lease = services.checkpoints.acquire(blob, seen)
    assert lease is not None
    return lease


def test_a_blob_never_seen_has_a_checkpoint_at_its_start(services: Services) -> None:
    assert acquired(services, blob_of()).read() == Checkpoint()


def test_what_was_committed_is_read_by_the_next_owner(services: Services) -> None:
    blob = blob_of()
    lease = acquired(services, blob)
    lease.read()
    lease.commit(SOME)
    lease.release()

    assert acquired(services, blob).read() == SOME


def test_an_owner_can_commit_again_and_again(services: Services) -> None:
    blob = blob_of()
    lease = acquired(services, blob)
    lease.read()
    for offset in (1, 2, 3):
        lease.commit(at(offset))
    lease.release()

    assert acquired(services, blob).read().offset == 3


def test_while_one_holds_the_lease_nobody_else_gets_it(services: Services) -> None:
    blob = blob_of()
    lease = acquired(services, blob)
    assert services.checkpoints.acquire(blob, seen) is None

    lease.release()

    assert services.checkpoints.acquire(blob, seen) is not None


def test_no_checkpoint_is_made_for_a_blob_that_was_never_seen(services: Services) -> None:
    blob = blob_of()

    def gone() -> None:
        raise BlobGoneError(str(blob))

    with pytest.raises(BlobGoneError):
        services.checkpoints.acquire(blob, gone)

    assert services.checkpoints.find([blob], blob.name) == {}
    acquired(services, blob).release()
    assert services.checkpoints.find([blob], blob.name) == {blob: Checkpoint()}
    assert services.checkpoints.acquire(blob, gone) is not None  # it is not looked at again


def test_leases_of_different_blobs_and_destinations_do_not_meet(services: Services) -> None:
    blob = blob_of()
    acquired(services, blob)

    assert services.checkpoints.acquire(blob_of(), seen) is not None
    assert services.other_checkpoints.acquire(blob, seen) is not None


def test_destinations_have_their_own_progress(services: Services) -> None:
    blob = blob_of()
    lease = acquired(services, blob)
    lease.read()
    lease.commit(SOME)

    other = services.other_checkpoints.acquire(blob, seen)

    assert other is not None
    assert other.read() == Checkpoint()


def test_an_owner_whose_lease_has_lapsed_cannot_commit(services: Services) -> None:
    blob = blob_of()
    lease = acquired(services, blob)
    lease.read()
    services.break_lease(blob)

    with pytest.raises(CheckpointLostError):
        lease.commit(SOME)


def test_an_owner_that_lost_its_lease_to_another_can_neither_commit_nor_renew_nor_disturb(services: Services) -> None:
    blob = blob_of()
    late = acquired(services, blob)
    late.read()
    services.break_lease(blob)
    owner = acquired(services, blob)
    assert owner.read() == Checkpoint()

    with pytest.raises(CheckpointLostError):
        late.commit(at(1))
    with pytest.raises(CheckpointLostError):
        late.renew()
    late.release()

    owner.commit(SOME)
    owner.release()
    assert acquired(services, blob).read() == SOME


def test_an_owner_can_renew_its_lease(services: Services) -> None:
    blob = blob_of()
    lease = acquired(services, blob)
    lease.renew()

    assert services.checkpoints.acquire(blob, seen) is None


def test_a_lease_counts_its_requests(services: Services) -> None:
    blob = blob_of()
    lease = acquired(services, blob)
    assert lease.requests >= 4  # the blob had to be made, and its source looked at
    lease.release()

    lease = acquired(services, blob)
    lease.read()
    lease.commit(SOME)
    lease.renew()
    lease.release()

    assert lease.requests == 5


@pytest.mark.parametrize("name", NAMES)
def test_blobs_with_odd_names_keep_their_checkpoints(services: Services, name: str) -> None:
    blob = blob_of(name)
    lease = acquired(services, blob)
    lease.read()
    lease.commit(SOME)
    lease.release()

    assert acquired(services, blob).read() == SOME


def test_the_time_of_the_first_run_is_kept(services: Services) -> None:
    first = datetime(2026, 11, 20, 23, 17, tzinfo=UTC)

    assert services.checkpoints.first_run(first) == first
    assert services.checkpoints.first_run(first + timedelta(days=1)) == first


JUNK: list[dict[str, str]] = [{"time": "yesterday"}, {"time": "2026-11-20"}, {"other": "1"}, {"time": "9" * 4000}]


@pytest.mark.parametrize("metadata", JUNK, ids=["words", "no zone", "no time", "huge"])
def test_what_is_no_time_of_the_first_run_is_named_with_the_remedy_and_left_as_it_is(
    services: Services, metadata: dict[str, str]
) -> None:
    services.write_first_run(metadata)
    now = datetime(2026, 11, 20, 23, 17, tzinfo=UTC)

    for _ in range(2):
        with pytest.raises(CheckpointUnreadableError, match=r"/first-run, .* set FLOWLOG_START .* or delete this blob"):
            services.checkpoints.first_run(now)


@pytest.mark.parametrize("changed", [{"offset": str(2**63)}, {"schema": "2"}], ids=["too large", "later schema"])
def test_a_checkpoint_that_cannot_be_read_is_named_with_the_remedy_and_left_as_it_is(
    services: Services, changed: dict[str, str]
) -> None:
    blob = blob_of()
    metadata = SOME.to_metadata() | changed
    services.write_checkpoint(blob, metadata)
    lease = acquired(services, blob)

    with pytest.raises(CheckpointUnreadableError, match=f"/{blob.path}: .*; .*delete it to forward the blob"):
        lease.read()
    lease.release()

    assert services.checkpoint_metadata(blob) == metadata
    assert services.checkpoints.find([blob], blob.name) == {}


def test_a_commit_keeps_what_a_later_version_wrote_beside_it(services: Services) -> None:
    blob = blob_of()
    services.write_checkpoint(blob, SOME.to_metadata() | {"filtered": "7"})
    lease = acquired(services, blob)

    lease.commit(replace(lease.read(), offset=1300))

    assert services.checkpoint_metadata(blob) == SOME.to_metadata() | {"filtered": "7", "offset": "1300"}


def test_checkpoints_are_found_in_bulk(services: Services) -> None:
    blobs = [blob_of()]
    blobs += [SourceBlob("account", blobs[0].container, name) for name in ("a/b/PT1H.json", "a/c/PT1H.json", NAMES[-1])]
    for number, blob in enumerate(blobs[:3]):
        lease = acquired(services, blob)
        lease.read()
        lease.commit(at(number))
        lease.release()

    found = services.checkpoints.find(blobs[:3], "a/")

    assert found == {blob: at(number) for number, blob in enumerate(blobs[:3])}
    assert services.checkpoints.find(blobs[3:], NAMES[-1]) == {}
    assert services.checkpoints.find([], "") == {}


def test_the_checkpoint_of_a_name_of_full_length_is_found(services: Services) -> None:
    blob = blob_of("/".join(["l" * 200] * 5) + "/PT1H.json")
    lease = acquired(services, blob)
    lease.read()
    lease.commit(SOME)

    assert services.checkpoints.find([blob], "l" * 200 + "/") == {blob: SOME}
    assert services.checkpoints.find([blob], blob.name) == {blob: SOME}


def test_what_a_sweep_leaves_to_the_next_one_is_kept(services: Services) -> None:
    first = datetime(2026, 11, 20, 23, 17, 1, 234_000, tzinfo=UTC)
    place = Place(first.replace(minute=0, second=0, microsecond=0), "account", "insights-logs-flowlogflowevent")
    assert services.checkpoints.last_sweep() is None

    for resource in ("", "flowLogResourceID=/SUB_NETWORKWATCHERRG/LOG/", *NAMES):
        left = LastSweep(first, Position(place, resource), first + timedelta(minutes=5))
        services.checkpoints.keep_last_sweep(left)
        assert services.checkpoints.last_sweep() == left

    services.checkpoints.keep_last_sweep(LastSweep(first))
    assert services.checkpoints.last_sweep() == LastSweep(first)
    assert services.other_checkpoints.last_sweep() is None


@pytest.mark.parametrize("metadata", [{}, {"time": "soon"}, {"time": "2026-11-20T23:00:00Z", "hour": str(2**70)}])
def test_what_no_sweep_left_is_named_and_overwritten_by_the_next_one(
    services: Services, metadata: dict[str, str]
) -> None:
    services.write_last_sweep(metadata)

    with pytest.raises(LastSweepUnreadableError, match=r"/last-sweep: (time|hour) is "):
        services.checkpoints.last_sweep()

    left = LastSweep(datetime(2026, 11, 20, 23, 17, tzinfo=UTC))
    services.checkpoints.keep_last_sweep(left)
    assert services.checkpoints.last_sweep() == left


def test_what_sweeps_have_seen_of_the_containers_is_kept(services: Services) -> None:
    now = datetime(2026, 11, 20, 23, 17, 1, 234_000, tzinfo=UTC)
    assert services.checkpoints.silence() is None

    services.checkpoints.keep_last_sweep(LastSweep(now))
    for number in (1, 200):
        containers = {(f"account{each}", "c" * 63): Newest(now, seen=each > 0) for each in range(number)}
        services.checkpoints.keep_silence(Silence(containers, now, now - timedelta(minutes=5)))
        assert services.checkpoints.silence() == Silence(containers, now, now - timedelta(minutes=5))

    assert services.other_checkpoints.silence() is None


@pytest.mark.parametrize("document", [b"", b"{}", b"{" * 2000])
def test_a_silence_that_no_sweep_kept_is_named_and_overwritten_by_the_next_one(
    services: Services, document: bytes
) -> None:
    services.checkpoints.keep_last_sweep(LastSweep(datetime(2026, 11, 20, tzinfo=UTC)))
    services.write_silence(document)

    with pytest.raises(LastSweepUnreadableError, match=r"/silence: it is none that a sweep wrote"):
        services.checkpoints.silence()

    services.checkpoints.keep_silence(Silence())
    assert services.checkpoints.silence() == Silence()
