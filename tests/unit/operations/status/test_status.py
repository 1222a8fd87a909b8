"""How far forwarding has come, over the in-memory adapters; the clock begins at 2026-11-20T23:30."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flowlog_core.forwarding.checkpoint import Checkpoint, fingerprint_of
from flowlog_core.forwarding.listing import Selection
from flowlog_core.forwarding.silence import Newest, Silence
from flowlog_core.operations.status.status import MOST_LATE, Status, StatusRow, status
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import VNET, document, nsg_record, vnet_record
from tests.support.forwarding import NSG_CONTAINER, Setup

HOUR = timedelta(hours=1)
ELEVEN = datetime(2026, 11, 20, 23, tzinfo=UTC)
MINUTE = 60.0
VNETS = (VNET.account, VNET.container)
NSG = (VNET.account, NSG_CONTAINER)


class Site(Setup):
    """A forwarder, and the status of what it works on."""

    def put(self, data: bytes, *, hours_ago: int = 0, mac: str = "00155D000001", ago: float = 0) -> SourceBlob:
        """Write a blob, last appended to so many seconds ago."""
        hour = ELEVEN - hours_ago * HOUR
        blob = SourceBlob(
            VNET.account, VNET.container, f"net/{hour:y=%Y/m=%m/d=%d/h=%H}/m=00/macAddress={mac}/PT1H.json"
        )
        self.clock.seconds -= ago
        self.blobs.put(blob, data)
        self.clock.seconds += ago
        return blob

    def status(
        self,
        *,
        first_hour: datetime | None = None,
        seen: list[int] | None = None,
        until: datetime = ELEVEN + HOUR,
        prefix: str = "",
        silent_minutes: int = 90,
    ) -> Status:
        return status(
            listing=self.blobs,
            checkpoints=self.checkpoints,
            selection=Selection((VNETS,), ELEVEN - 5 * HOUR, until, prefix),
            first_hour=first_hour,
            now=self.clock.now(),
            max_lag=timedelta(minutes=10),
            silent_minutes=silent_minutes,
            seen=(seen if seen is not None else []).append,
        )

    def row(self, hours_ago: int = 0) -> StatusRow:
        return self.status().rows[VNET.account, VNET.container, ELEVEN - hours_ago * HOUR]


def test_a_complete_blob_counts_as_complete_though_its_last_two_bytes_are_no_record() -> None:
    site = Site()
    data = document([vnet_record(2)])
    site.forwarder.forward(site.put(data, ago=40 * MINUTE))

    assert site.row() == StatusRow(blobs=1, appended=len(data), forwarded=len(data))
    assert (site.status().late, site.status().latest) == (0, [])


def test_what_was_appended_to_a_complete_blob_is_behind_by_just_that() -> None:
    site = Site()
    blob = site.put(document([vnet_record(2)]))
    site.forwarder.forward(blob)
    fresh = b"," + vnet_record(3, number=1)
    data = document([vnet_record(2)])[:-2] + fresh + b"]}"
    site.put(data, ago=25 * MINUTE)

    made = site.status()

    assert site.row() == StatusRow(
        blobs=1, appended=len(data), forwarded=len(data) - len(fresh), waiting=1, lag=25 * MINUTE
    )
    assert made.total.pending_bytes == len(fresh)
    assert [(late.lag, late.path, late.pending_bytes) for late in made.latest] == [(25 * MINUTE, blob.path, len(fresh))]


def test_a_blob_that_was_never_forwarded_is_behind_with_all_its_bytes_from_max_lag_on() -> None:
    site = Site()
    data = document([vnet_record(2)])
    site.put(data, ago=10 * MINUTE)
    in_time = site.status()
    site.clock.seconds += 1

    assert (in_time.late, in_time.total.waiting, in_time.total.pending_bytes) == (0, 1, len(data))
    assert site.status().late == 1


def test_a_run_that_ended_before_its_blob_is_behind_from_its_offset_on() -> None:
    site = Site()
    data = document([vnet_record(2), vnet_record(2, number=1)])
    blob = site.put(data)
    lease = site.checkpoints.acquire(blob)
    assert lease is not None
    lease.read()
    before = fingerprint_of(data[:100])
    lease.commit(Checkpoint(offset=100, fingerprint=before, etag=site.blobs.etag(blob), length=len(data)))

    assert (site.row().waiting, site.row().forwarded) == (1, 100)


def test_a_blob_that_became_shorter_is_behind_with_all_its_bytes() -> None:
    site = Site()
    site.forwarder.forward(site.put(document([vnet_record(2), vnet_record(2, number=1)])))
    site.put(document([vnet_record(2)]))

    assert (site.row().waiting, site.row().forwarded) == (1, 0)


def test_blobs_found_rewritten_and_what_is_in_quarantine_are_counted() -> None:
    site = Site()
    site.forwarder.forward(site.put(document([vnet_record(2)])))
    site.forwarder.forward(site.put(document([vnet_record(3, number=1), nsg_record(["bad", "worse"])])))

    row = site.row()

    assert (row.waiting, row.rewritten, row.quarantined) == (0, 1, 2)


def test_old_blobs_that_were_never_forwarded_are_left_alone_and_counted_apart() -> None:
    site = Site()
    data = document([vnet_record(2)])
    site.put(data, hours_ago=3, ago=180 * MINUTE)
    backfilled = site.put(data, hours_ago=3, mac="00155D000002", ago=180 * MINUTE)
    site.forwarder.forward(backfilled)
    site.put(data, hours_ago=2, ago=120 * MINUTE)

    made = site.status(first_hour=ELEVEN - 2 * HOUR)

    assert made.rows[VNET.account, VNET.container, ELEVEN - 3 * HOUR] == StatusRow(
        blobs=1, appended=len(data), forwarded=len(data), left_alone=1
    )
    assert (made.total.blobs, made.total.left_alone, made.total.waiting, made.late) == (2, 1, 1, 1)


def test_of_many_late_blobs_those_that_wait_longest_are_named() -> None:
    site = Site()
    for number in range(MOST_LATE + 5):
        site.put(document([vnet_record(1)]), mac=f"{number:012d}", ago=(11 + number) * MINUTE)
    seen: list[int] = []

    made = site.status(seen=seen)

    assert made.late == MOST_LATE + 5
    assert [late.lag for late in made.latest] == [(11 + number) * MINUTE for number in range(24, 4, -1)]
    assert seen == list(range(1, MOST_LATE + 6))


@pytest.mark.parametrize("hours", [0, 3])
def test_each_hour_has_its_row(hours: int) -> None:
    site = Site()
    for hours_ago in (0, 3):
        for number in range(hours_ago + 1):
            site.put(document([vnet_record(1)]), hours_ago=hours_ago, mac=f"{number:012d}")

    assert site.row(hours).blobs == hours + 1
    assert site.status().total.blobs == 5


def test_a_container_whose_newest_blob_is_too_old_is_silent_though_all_is_forwarded() -> None:
    site = Site()
    site.forwarder.forward(site.put(document([vnet_record(1)]), hours_ago=2, ago=90 * MINUTE))
    on_time = site.status()
    site.clock.seconds += 1
    silent = site.status()

    assert (on_time.late, on_time.silent, on_time.silent_seconds) == (0, [], {VNETS: 90 * MINUTE})
    assert (silent.late, silent.silent, silent.silent_seconds) == (0, [VNETS], {VNETS: 90 * MINUTE + 1})
    assert site.status(silent_minutes=0).silent == []


def test_the_newer_of_what_is_listed_and_what_sweeps_saw_counts() -> None:
    site = Site()
    site.put(document([vnet_record(1)]), hours_ago=2, ago=120 * MINUTE)
    now = site.clock.now()
    for age, counts in ((30, 30), (180, 120)):
        kept = Newest(now - timedelta(minutes=age), seen=True)
        site.checkpoints.keep_silence(Silence({VNETS: kept}, now - HOUR))

        assert site.status().silent_seconds == {VNETS: counts * MINUTE}


def test_where_no_blob_is_listed_any_more_what_sweeps_saw_says_that_it_is_silence() -> None:
    site = Site()
    kept = Newest(site.clock.now() - 9 * HOUR, seen=True)
    site.checkpoints.keep_silence(Silence({VNETS: kept, NSG: kept}, site.clock.now()))

    made = site.status()

    assert (made.silent, made.found_none) == ([VNETS], False)
    assert (site.status(silent_minutes=0).silent, site.status(silent_minutes=0).found_none) == ([], True)


def test_a_container_without_any_blob_is_not_silent_where_its_account_has_another_one_with_blobs() -> None:
    site = Site()
    since = site.clock.now() - 9 * HOUR
    site.checkpoints.keep_silence(Silence({VNETS: Newest(since, seen=False), NSG: Newest(since, seen=True)}, since))
    beside = site.status()
    site.checkpoints.keep_silence(Silence({VNETS: Newest(since, seen=False), NSG: Newest(since, seen=False)}, since))

    assert (beside.silent, beside.found_none) == ([], True)
    assert site.status().silent == [VNETS]


@pytest.mark.parametrize("selected", [{"until": ELEVEN}, {"prefix": "net/"}])
def test_of_hours_that_are_over_or_of_some_blobs_only_there_is_no_silence(selected: dict[str, Any]) -> None:
    site = Site()
    site.put(document([vnet_record(1)]), hours_ago=4, ago=240 * MINUTE)

    made = site.status(**selected)

    assert (made.total.blobs, made.silent, made.silent_seconds) == (1, [], {})


def test_where_nothing_is_listed_and_no_sweep_saw_anything_no_flow_log_was_found() -> None:
    assert Site().status().found_none
