"""For how long a source container has got nothing, as sweeps know it; the clock begins at 2026-11-20T23:30."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.errors import LastSweepUnreadableError
from flowlog_core.forwarding.silence import Newest, Silence, silent_containers
from tests.support.flow_logs import VNET
from tests.support.forwarding import NSG_CONTAINER
from tests.unit.forwarding.sweeping import HOUR, MINUTE, Sweeping

NSG = (VNET.account, NSG_CONTAINER)
VNETS = (VNET.account, VNET.container)
NOW = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 # gets its zone in the next line
    lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000, tzinfo=UTC)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
SILENCES = st.builds(
    Silence,
    st.dictionaries(st.tuples(TEXTS, TEXTS), st.builds(Newest, TIMES, seen=st.booleans()), max_size=4),
    st.none() | TIMES,
    st.none() | TIMES,
)


def logged(setup: Sweeping) -> tuple[object, object]:
    """Return what the last sweep's log line says."""
    line = setup.log.of("flowlog.sweep")[-1]
    return line["silent"], line["silentSeconds"]


def key(container: tuple[str, str]) -> str:
    return "/".join(container)


def test_a_container_that_got_nothing_for_longer_than_the_minutes_is_silent() -> None:
    setup = Sweeping()
    setup.put(0, minutes_ago=10)
    setup.put(0, container=NSG_CONTAINER, minutes_ago=2)
    sweeper = setup.sweeper(silent_minutes=90)

    sweeper.sweep()
    assert logged(setup) == (0, {key(VNETS): 600, key(NSG): 120})
    setup.advance(80 * MINUTE)
    sweeper.sweep()
    assert logged(setup) == (0, {key(VNETS): 5400, key(NSG): 4920})
    setup.advance(MINUTE)
    sweeper.sweep()
    assert logged(setup) == (1, {key(VNETS): 5460, key(NSG): 4980})


def test_the_newest_blob_is_known_to_every_process_long_after_the_sweep_looks_at_its_hour() -> None:
    setup = Sweeping()
    setup.put(0)
    setup.sweeper(hours=1).sweep()
    setup.advance(30 * HOUR)

    setup.sweeper(hours=1).sweep()

    assert logged(setup) == (1, {key(VNETS): 30 * 3600 + 600})


def test_a_new_blob_ends_the_silence() -> None:
    setup = Sweeping()
    setup.put(0)
    sweeper = setup.sweeper()
    sweeper.sweep()
    setup.advance(5 * HOUR)
    sweeper.sweep()
    setup.put(0, minutes_ago=1)
    sweeper.sweep()

    assert [line["silent"] for line in setup.log.of("flowlog.sweep")] == [0, 1, 0]


def test_a_container_in_which_no_blob_was_ever_seen_counts_only_where_its_account_has_none_at_all() -> None:
    setup = Sweeping()
    setup.sweeper().sweep()
    setup.advance(2 * HOUR)
    setup.sweeper().sweep()
    nowhere = logged(setup)
    setup.put(0, minutes_ago=3)
    setup.sweeper().sweep()

    assert nowhere == (2, {key(NSG): 7200, key(VNETS): 7200})
    assert logged(setup) == (0, {key(VNETS): 180})


def test_with_0_minutes_no_container_is_silent() -> None:
    setup = Sweeping()
    setup.sweeper(silent_minutes=0).sweep()
    setup.advance(1000 * HOUR)
    setup.sweeper(silent_minutes=0).sweep()

    assert logged(setup)[0] == 0


def test_what_no_sweep_had_the_time_to_look_at_is_not_silent() -> None:
    """A hub that is away for hours keeps the sweeps at the oldest hours; the newest ones may be full."""
    setup = Sweeping()
    setup.put(0)
    setup.sweeper().sweep()
    for _ in range(30):
        setup.advance(5 * MINUTE)
        setup.put(0, minutes_ago=4)
        setup.sweeper(run_seconds=0).sweep()  # which has no time for anything

    assert logged(setup) == (0, {key(VNETS): 600})


def test_a_round_of_several_sweeps_has_looked_since_it_began() -> None:
    setup = Sweeping()
    for number in range(6):
        setup.put(1, resource=f"net{number}", minutes_ago=100)

    def take_time() -> None:
        setup.clock.seconds += 100

    setup.blobs.before_read = take_time
    began: list[float] = []
    while not began or logged(setup)[1] == {}:
        began.append(setup.clock.seconds)
        setup.sweeper(run_seconds=240, page_resources=1).sweep()

    assert len(began) > 1
    assert logged(setup) == (1, {key(VNETS): began[-1] + 6000})


def test_a_container_that_is_no_longer_watched_is_forgotten() -> None:
    silence = Silence({("old", "logs"): Newest(NOW, seen=True), VNETS: Newest(NOW, seen=True)}, NOW)

    silence.watch([VNETS, NSG], NOW + HOUR)

    assert silence.containers == {VNETS: Newest(NOW, seen=True), NSG: Newest(NOW + HOUR, seen=False)}


def test_the_longest_silent_containers_are_in_the_line_and_all_are_counted() -> None:
    setup = Sweeping()
    silence = Silence({("a", f"c{n:03}"): Newest(NOW - n * HOUR, seen=True) for n in range(150)}, NOW)
    report = setup.sweeper().sweep()

    report.report_silence(silence, 90)

    fields = report.fields()["silentSeconds"]
    assert isinstance(fields, dict)
    assert (report.silent, len(fields), next(iter(fields))) == (148, 100, "a/c149")


def test_what_was_written_by_something_else_is_one_fault_and_is_written_anew() -> None:
    setup = Sweeping()
    setup.put(0)
    setup.checkpoints.silence_document = b"[]"

    setup.sweeper().sweep()

    (fault,) = setup.log.of("flowlog.fault")
    assert str(fault["reason"]).startswith("checkpoints/silence: ")
    assert setup.checkpoints.silence() is not None


@given(SILENCES)
def test_what_is_written_is_read_back(silence: Silence) -> None:
    assert Silence.read(silence.document()) == silence


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[]",
        b'"text"',
        b"[" * 2000,
        b'{"containers":3}',
        b'{"containers":["a"]}',
        b'{"containers":[{"account":1,"container":"c","time":"2026-11-20T23:00:00+00:00","seen":true}]}',
        b'{"containers":[{"account":"a","container":"c","time":7,"seen":true}]}',
        b'{"containers":[{"account":"a","container":"c","time":"0001-01-01T00:00:00+23:59","seen":true}]}',
        b'{"containers":[],"looked":"soon"}',
        b'{"containers":[],"looked":null}',
    ],
)
def test_no_other_document_is_read(document: bytes) -> None:
    with pytest.raises(LastSweepUnreadableError, match="it is none that a sweep wrote"):
        Silence.read(document)


def test_exactly_the_minutes_is_not_yet_silent() -> None:
    assert silent_containers({VNETS: timedelta(minutes=90).total_seconds()}, 90) == []
    assert silent_containers({VNETS: timedelta(minutes=90).total_seconds() + 0.001}, 90) == [VNETS]
