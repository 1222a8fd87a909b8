"""The sweep is fair and finite: its order, its rounds over several sweeps, and how far back it looks."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from flowlog_core.errors import SendError, StorageError
from flowlog_core.forwarding.last_sweep import LastSweep, Place, Position
from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.forwarding.outcome import Outcome, RunResult
from flowlog_core.source.blob import SourceBlob
from tests.support.flow_logs import VNET
from tests.support.forwarding import SMALL_EVENTS
from tests.support.memory import MemoryBlobs
from tests.unit.forwarding.sweeping import HOUR, MINUTE, PLACES, Listing, Sweeping


def slow(setup: Sweeping, seconds: float = 30) -> Sweeping:
    """Let each blob take so long to forward."""
    setup.sink.before_send = lambda: setup.clock.sleep(seconds)
    return setup


# The order.


def test_hours_come_oldest_first_then_the_containers_of_the_settings_then_resources_by_name() -> None:
    setup = Sweeping()
    expected = [
        setup.put(hours, resource=resource, container=container)
        for hours in (3, 2, 1, 0)
        for _, container in PLACES
        for resource in ("Z", "a", "a/b", "a0", "é")
    ]
    setup.blobs = MemoryBlobs(setup.clock)
    for blob in reversed(expected):
        setup.write(blob, records=1)
    setup.forwarder = setup.new_forwarder()

    setup.sweeper(page_resources=1).sweep()

    assert setup.arrived() == expected


def test_of_a_page_the_blob_that_was_written_to_longest_ago_comes_first() -> None:
    setup = Sweeping()
    expected = [
        setup.put(1, resource=resource, mac=mac, minutes_ago=minutes)
        for minutes, resource, mac in [(50, "b", "02"), (40, "a", "01"), (30, "b", "01"), (20, "a", "02")]
    ]
    another_page = setup.put(1, resource="c", minutes_ago=55)

    setup.sweeper(page_resources=2).sweep()

    assert setup.arrived() == [*expected, another_page]


def test_a_page_of_many_pending_blobs_ends_before_it_has_all_its_resources() -> None:
    setup = Sweeping()
    interfaces = 200
    for resource, minutes in (("a", 20), ("b", 30), ("c", 40)):
        for number in range(interfaces):
            setup.put(0, resource=resource, mac=f"{number:012X}", minutes_ago=minutes, records=0)
    begun: list[str] = []

    def forward(blob: SourceBlob, _: float) -> RunResult:
        begun.append(blob.name.split("/")[1])
        return RunResult(Outcome.COMPLETE)

    assert setup.sweeper(forward=forward).sweep().caught == 3 * interfaces
    assert begun == ["b"] * interfaces + ["a"] * interfaces + ["c"] * interfaces


def test_the_next_page_is_listed_while_one_is_forwarded() -> None:
    setup = Sweeping()
    first, second = setup.put(1, resource="a"), setup.put(1, resource="b")
    listed, forwarded = threading.Event(), []

    def notice(_: str, __: str, under: str) -> None:
        if "/b/" in under:
            listed.set()

    def forward(blob: SourceBlob, _: float) -> RunResult:
        assert listed.wait(30)
        forwarded.append(blob)
        return RunResult(Outcome.COMPLETE)

    listing = Listing(setup.blobs, notice)
    with ThreadPoolExecutor(2) as executor:
        sweeper = setup.sweeper(listing=listing, forward=forward, executor=executor, page_resources=1)
        assert sweeper.sweep().complete

    assert forwarded == [first, second]


# Out of time.


def test_a_sweep_whose_time_is_up_is_gone_on_with_by_the_next_one_of_another_instance() -> None:
    setup = slow(Sweeping())
    blobs = [setup.put(0, resource=f"net{number}") for number in range(10)]

    first = setup.sweeper(run_seconds=100, page_resources=1).sweep()
    assert (first.caught, first.complete, setup.arrived()) == (4, False, blobs[:4])
    place = Place(setup.hour, VNET.account, VNET.container)
    assert setup.kept.position == Position(place, "flowLogResourceID=/net3/")

    second = setup.sweeper(run_seconds=1000, page_resources=1).sweep()
    assert (second.caught, second.complete, setup.arrived()) == (6, True, blobs)
    assert setup.kept.position is None


def test_of_a_page_that_was_not_done_the_rest_comes_next() -> None:
    setup = slow(Sweeping())
    blobs = [setup.put(0, resource=f"net{number}", minutes_ago=30 - number) for number in range(10)]
    sweepers = [setup.sweeper(run_seconds=100) for _ in range(3)]

    assert [sweeper.sweep().caught for sweeper in sweepers] == [4, 4, 2]
    assert setup.arrived() == blobs


def test_however_much_there_is_to_do_elsewhere_the_last_flow_log_has_its_turn() -> None:
    setup = slow(Sweeping())
    blobs = [setup.put(0, resource=f"net{number}") for number in range(10)]
    sweeps = 0
    while len(setup.arrived()) < len(blobs):
        sweeps += 1
        report = setup.sweeper(run_seconds=100, page_resources=2, grace_seconds=0).sweep()
        assert not report.complete
        for blob in blobs:  # more than a sweep's time allows, again and again
            setup.write(blob, records=1 + sweeps, minutes_ago=0)

    assert sweeps == 3


def test_a_sweep_goes_on_to_the_end_and_from_the_oldest_hour_back_to_its_start() -> None:
    setup = Sweeping()
    blobs = [setup.put(hours, resource=resource) for hours in (3, 2, 1, 0) for resource in "abc"]
    start = Position(Place(setup.hour - 2 * HOUR, VNET.account, VNET.container), "flowLogResourceID=/b/")
    setup.checkpoints.keep_last_sweep(LastSweep(setup.clock.now(), start))

    report = setup.sweeper(page_resources=1).sweep()

    assert setup.arrived() == blobs[5:] + blobs[:5]
    assert (report.seen, report.complete) == (12, True)  # each place once
    assert setup.kept == LastSweep(setup.clock.now())


@pytest.mark.parametrize("resource", ["", "flowLogResourceID=/a/", "flowLogResourceID=/zzz/", "gone"])
def test_wherever_a_sweep_begins_it_visits_everything_once(resource: str) -> None:
    setup = Sweeping()
    blobs = [setup.put(hours, resource=resource) for hours in (1, 0) for resource in "abc"]
    for hour in (setup.hour - HOUR, setup.hour):
        start = Position(Place(hour, VNET.account, VNET.container), resource)
        setup.checkpoints.keep_last_sweep(LastSweep(setup.clock.now(), start))
        assert setup.sweeper(hours=1, page_resources=2).sweep().seen == len(blobs)


@pytest.mark.parametrize(
    "change", [{"account": "another"}, {"container": "another"}, {"hour": Sweeping().hour - 400 * HOUR}]
)
def test_a_position_in_a_place_that_is_no_longer_watched_is_a_fresh_round(change: dict[str, object]) -> None:
    setup = Sweeping()
    blobs = [setup.put(hours, resource=resource) for hours in (1, 0) for resource in "ab"]
    place = replace(Place(setup.hour, VNET.account, VNET.container), **change)  # type: ignore[arg-type]  # fields of it
    setup.checkpoints.keep_last_sweep(LastSweep(setup.clock.now(), Position(place, "b")))

    assert setup.sweeper().sweep().complete
    assert setup.arrived() == blobs


def test_a_run_that_the_sweep_begins_ends_soon_after_the_sweeps_time_is_up() -> None:
    setup = slow(Sweeping(ForwardOptions(SMALL_EVENTS, start="all", run_seconds=1000, batch_bytes=1)), 3)
    setup.put(0, records=900)

    report = setup.sweeper(run_seconds=80).sweep()

    assert 80 < setup.clock.seconds < 80 * 9 / 8 + 2 * 3
    assert (report.behind, report.caught, report.complete) == (1, 0, False)
    assert setup.sweeper(run_seconds=10_000).sweep().caught == 1


def test_however_slowly_storage_lists_each_sweep_moves_on() -> None:
    setup = Sweeping()
    blobs = [setup.put(0, resource=name) for name in "abcdefghijkl"]
    listing = Listing(setup.blobs, lambda *_: setup.clock.sleep(10))
    positions = []

    while len(setup.arrived()) < len(blobs):
        setup.sweeper(listing=listing, run_seconds=100, hours=1).sweep()
        positions.append(setup.kept.position)

    assert setup.arrived() == blobs
    assert len(set(positions)) == len(positions)


# What is kept, and reported.


def test_the_last_sweep_is_the_start_of_the_last_round_that_visited_every_place() -> None:
    setup = slow(Sweeping(), 0)
    for number in range(10):
        setup.put(0, resource=f"net{number}")
    setup.sweeper().sweep()
    before = setup.clock.now()
    slow(setup)
    times = []
    for sweep in range(4):
        setup.advance(5 * MINUTE)
        for number in range(10):
            setup.put(0, resource=f"net{number}", records=2 + sweep)
        began = setup.clock.now()
        report = setup.sweeper(run_seconds=100, page_resources=1).sweep()
        times.append((began, setup.kept.time))
        waited = (setup.clock.now() - setup.kept.time).total_seconds()
        assert not report.complete
        assert report.oldest_lag_seconds == max(waited, 10 * 60)

    # Four blobs a sweep: the third one reaches the end of the first one's round, and begins another.
    assert [time for _, time in times] == [before, before, times[0][0], times[0][0]]


def test_a_first_round_that_takes_several_sweeps_looks_at_all_its_hours() -> None:
    setup = slow(Sweeping())
    blobs = [setup.put(hours, resource=f"net{number}") for hours in (3, 2, 1, 0) for number in range(2)]
    began = setup.clock.now()

    while len(setup.arrived()) < len(blobs):
        assert setup.sweeper(run_seconds=20).sweep().complete is False
        assert setup.kept.time == began  # of the first round
        setup.advance(HOUR)

    assert setup.arrived() == blobs


def test_where_a_round_did_not_finish_the_lag_is_at_least_the_time_since_the_last_sweep() -> None:
    setup = slow(Sweeping())
    setup.checkpoints.keep_last_sweep(LastSweep(setup.clock.now() - 2 * HOUR))
    for number in range(10):
        setup.put(0, resource=f"net{number}")

    report = setup.sweeper(run_seconds=100).sweep()

    assert report.oldest_lag_seconds == 2 * 3600 + setup.clock.seconds


def test_after_an_outage_of_thirty_hours_all_of_it_is_caught_up() -> None:
    setup = Sweeping()
    setup.put(0)
    sweeper = setup.sweeper()
    sweeper.sweep()
    setup.advance(30 * HOUR)
    blobs = [setup.put(hours) for hours in range(31)]

    report = setup.sweeper().sweep()

    assert report.caught == len(blobs)
    assert setup.sweeper().sweep().from_hour == setup.hour - 3 * HOUR


def test_an_outage_longer_than_the_most_is_capped_and_told() -> None:
    setup = Sweeping()
    setup.sweeper().sweep()
    setup.advance(30 * HOUR)
    setup.put(20)
    setup.put(10)

    report = setup.sweeper(max_hours=12).sweep()

    assert report.caught == 1
    assert len(setup.log.of("flowlog.sweep_capped")) == 1


def test_in_ordinary_life_nothing_is_capped_where_the_look_back_is_the_most() -> None:
    setup = Sweeping()
    for _ in range(30):
        setup.sweeper(hours=12, max_hours=12).sweep()
        setup.advance(5 * MINUTE)

    assert setup.log.of("flowlog.sweep_capped") == []


@pytest.mark.parametrize("busy", [True, False])
def test_a_hub_that_is_away_for_longer_than_the_look_back_loses_nothing(busy: bool) -> None:  # noqa: FBT001 # a parameter
    setup = Sweeping()
    setup.sweeper().sweep()

    def refuse() -> None:
        raise SendError("away", busy=busy)

    setup.sink.before_send = refuse
    blobs = []
    for _ in range(6):
        blobs.append(setup.put(0))
        report = setup.sweeper().sweep()
        assert not report.complete
        setup.advance(HOUR)
    assert report.oldest_lag_seconds > 5 * 3600
    setup.sink.before_send = lambda: None

    assert setup.sweeper().sweep().caught == len(blobs)
    assert setup.sweeper().sweep().complete
    assert sorted(setup.arrived(), key=str) == blobs


def test_a_container_that_cannot_be_listed_for_longer_than_the_look_back_loses_nothing() -> None:
    setup = Sweeping()
    setup.sweeper().sweep()

    def fail(call: str, _: str, __: str) -> None:
        if call == "blobs":
            raise StorageError("down")

    blobs = []
    for _ in range(6):
        blobs.append(setup.put(0))
        report = setup.sweeper(listing=Listing(setup.blobs, fail)).sweep()
        setup.advance(HOUR)
    assert report.oldest_lag_seconds == 5 * 3600

    assert setup.sweeper().sweep().caught == 6
    assert setup.arrived() == blobs


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"time": "yesterday"},
        {"time": "2026-11-20T23:00:00"},
        {"time": "2026-11-20T23:00:00Z", "hour": "?"},
        {"time": "2026-11-20T23:00:00Z", "hour": "2026-11-20T22:00:00Z", "account": "a"},
        {"offset": str(2**70)},
    ],
)
def test_malformed_metadata_of_the_last_sweep_is_one_fault_and_a_fresh_round(metadata: dict[str, str]) -> None:
    setup = Sweeping()
    setup.put(2)
    setup.checkpoints.last_sweep_metadata = metadata
    sweeper = setup.sweeper()

    assert sweeper.sweep().complete
    sweeper.sweep()

    (fault,) = setup.log.of("flowlog.fault")
    assert fault["error"] == "LastSweepUnreadableError"
    assert "a fresh round begins" in str(fault["reason"])
    assert len(setup.flows()) == 2


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_beyond_all_reason_is_one_that_the_sweep_can_live_with(time: str) -> None:
    setup = Sweeping()
    setup.put(2)
    setup.checkpoints.last_sweep_metadata = {"time": time}

    assert setup.sweeper(max_hours=5).sweep().caught == 1
    assert setup.kept.time == setup.clock.now()


def test_two_sweeps_at_once_keep_a_state_that_the_next_can_go_on_with() -> None:
    setup = slow(Sweeping())
    blobs = [setup.put(0, resource=f"net{number}") for number in range(8)]
    other = setup.sweeper(run_seconds=60, page_resources=1)

    def sweep_too() -> None:
        setup.sink.after_send = lambda: None
        other.sweep()

    setup.sink.after_send = sweep_too
    setup.sweeper(run_seconds=100, page_resources=1).sweep()
    setup.sweeper(run_seconds=1000, page_resources=1).sweep()

    assert sorted(setup.arrived(), key=str) == blobs
    assert len(setup.flows()) == 2 * len(blobs)


def test_the_first_sweep_of_all_keeps_nothing_but_its_time() -> None:
    setup = Sweeping()

    setup.sweeper().sweep()

    assert setup.checkpoints.last_sweep_metadata == {"time": "2026-11-20T23:30:00.000+00:00"}
