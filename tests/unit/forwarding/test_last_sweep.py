"""What one sweep leaves to the next is read as it was written, and fits into a blob's metadata."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowlog_core.errors import LastSweepUnreadableError
from flowlog_core.forwarding.last_sweep import LastSweep, Place, Position

METADATA_BYTES = 8192  # learn.microsoft.com, "Setting and retrieving properties and metadata for blob resources"
TIMES = st.builds(
    lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000), st.datetimes(timezones=st.just(UTC))
)
TEXTS = st.text("ab/=%& é東😀", max_size=20)
NAMES = TEXTS | st.builds(lambda text, length: (text * length)[:length], TEXTS, st.integers(400, 1024))
POSITIONS = st.builds(Position, st.builds(Place, TIMES, st.text("a0", min_size=3), st.text("a-0", min_size=3)), NAMES)
LEFT = st.builds(LastSweep, TIMES) | st.builds(LastSweep, TIMES, POSITIONS, st.none() | TIMES)

TIME = datetime(2026, 11, 20, 23, 17, 1, 500_000, tzinfo=UTC)
PLACE = Place(datetime(2026, 11, 20, 21, tzinfo=UTC), "logs", "insights-logs-flowlogflowevent")
SOME = LastSweep(TIME, Position(PLACE, "flowLogResourceID=/SUB/a b/é/"), TIME - timedelta(minutes=5))


@given(left=LEFT)
@example(left=LastSweep(TIME, Position(PLACE, "東" * 1024), TIME))
def test_what_a_sweep_leaves_is_read_as_it_was_written_up_to_the_end_of_a_long_name(left: LastSweep) -> None:
    metadata = left.to_metadata()
    if left.position is not None and len(left.position.resource.encode()) > 2000:
        cut = left.position.resource.encode()[:2000].decode(errors="ignore")
        left = replace(left, position=replace(left.position, resource=cut))

    assert LastSweep.from_metadata(metadata) == left
    assert all(value and value.isascii() and value == value.strip() for value in metadata.values())
    assert sum(len(key) + len(value) for key, value in metadata.items()) <= METADATA_BYTES


def test_a_resource_of_the_longest_ascii_name_is_not_cut() -> None:
    left = LastSweep(TIME, Position(PLACE, "/" * 1024))

    assert LastSweep.from_metadata(left.to_metadata()) == left


def test_what_0_1_0_kept_is_read_and_what_is_kept_has_the_time_that_it_reads() -> None:
    assert LastSweep.from_metadata({"time": "2026-11-20T23:17:01.500000+00:00"}) == LastSweep(TIME)
    assert datetime.fromisoformat(SOME.to_metadata()["time"]) == TIME


def test_the_metadata_is_what_people_may_read() -> None:
    assert SOME.to_metadata() == {
        "time": "2026-11-20T23:17:01.500+00:00",
        "hour": "2026-11-20T21:00:00.000+00:00",
        "account": "logs",
        "container": "insights-logs-flowlogflowevent",
        "resource": "flowLogResourceID%3D%2FSUB%2Fa%20b%2F%C3%A9%2F",
        "roundbegan": "2026-11-20T23:12:01.500+00:00",
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("time", None),
        ("time", ""),
        ("time", "yesterday"),
        ("time", "2026-11-20T23:17:01"),
        ("time", "99999-11-20T23:17:01Z"),
        ("hour", "2026-11-20T21:00:00"),
        ("hour", "x"),
        ("account", None),
        ("container", None),
        ("resource", "%FF"),
        ("resource", "a/b"),
        ("roundbegan", "0"),
    ],
)
def test_malformed_metadata_is_one_error_that_names_the_key(key: str, value: str | None) -> None:
    metadata = {name: kept for name, kept in (SOME.to_metadata() | {key: value}).items() if kept is not None}

    with pytest.raises(LastSweepUnreadableError) as caught:
        LastSweep.from_metadata(metadata)

    assert str(caught.value).startswith(f"{key} is ")


def test_no_metadata_at_all_is_malformed_too() -> None:
    with pytest.raises(LastSweepUnreadableError):
        LastSweep.from_metadata({})


def test_times_of_other_zones_are_the_same_times() -> None:
    elsewhere = TIME.astimezone(timezone(timedelta(hours=-8)))

    assert LastSweep.from_metadata(LastSweep(elsewhere).to_metadata()) == LastSweep(TIME)
