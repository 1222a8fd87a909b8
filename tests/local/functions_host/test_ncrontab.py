"""Schedules fit the moments that NCRONTAB means."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.functions_host.ncrontab import Schedule

MOMENTS = st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2032, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis wants bounds without a zone


@pytest.mark.parametrize(
    ("schedule", "moment", "expected"),
    [
        ("0 */5 * * * *", "2026-11-21T09:04:59", "2026-11-21T09:05:00"),
        ("0 */5 * * * *", "2026-11-21T09:05:00", "2026-11-21T09:10:00"),
        ("*/15 * * * * *", "2026-11-21T23:59:45.5", "2026-11-22T00:00:00"),
        ("30 5/20 * * * *", "2026-11-21T09:06:00", "2026-11-21T09:25:30"),
        ("0 0 1-5/2,22 * * *", "2026-11-21T05:00:00", "2026-11-21T22:00:00"),
        ("0 30 9 * * 1-5", "2026-11-20T09:30:00", "2026-11-23T09:30:00"),
        ("0 0 0 * * 0", "2026-11-21T12:00:00", "2026-11-22T00:00:00"),
        ("0 0 0 13 * 5", "2026-11-21T00:00:00", "2027-08-13T00:00:00"),
        ("0 0 0 31 2-5 *", "2026-11-21T00:00:00", "2027-03-31T00:00:00"),
        ("59 59 23 29 2 1", "2072-03-01T00:00:00", "2112-02-29T23:59:59"),
    ],
)
def test_the_next_moment_is_the_first_later_one_that_fits(schedule: str, moment: str, expected: str) -> None:
    after = Schedule.parse(schedule).find_next(datetime.fromisoformat(moment).replace(tzinfo=UTC))

    assert after == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@given(
    seconds=st.sets(st.integers(0, 59), min_size=1),
    minutes=st.sets(st.integers(0, 59), min_size=1),
    moment=MOMENTS,
)
def test_the_next_moment_is_what_counting_the_seconds_finds(
    seconds: set[int], minutes: set[int], moment: datetime
) -> None:
    schedule = Schedule.parse(f"{','.join(map(str, seconds))} {','.join(map(str, minutes))} * * * *")

    candidate = moment.replace(microsecond=0) + timedelta(seconds=1)
    while candidate.second not in seconds or candidate.minute not in minutes:
        candidate += timedelta(seconds=1)

    assert schedule.find_next(moment) == candidate


@pytest.mark.parametrize(
    ("schedule", "fault"),
    [
        ("*/5 * * * *", "has 5 fields, not six"),
        ("00:05:00", "has 1 fields, not six"),
        ("60 * * * * *", "'60' is no second: ascending, from 0 to 59"),
        ("0 0 0 0 * *", "'0' is no day: ascending, from 1 to 31"),
        ("0 0 0 * * 7", "'7' is no day of the week: ascending, from 0 to 6"),
        ("0 30-10 * * * *", "'30-10' is no minute: ascending"),
        ("0 */0 * * * *", "steps from 1"),
        ("0 1,,2 * * * *", "'' is no minute"),
        ("0 0 0 * jan *", "'jan' is no month: write numbers"),
    ],
)
def test_what_is_not_supported_is_an_error_that_names_the_field(schedule: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Schedule.parse(schedule)


def test_a_day_that_never_comes_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"schedule '0 0 0 30 2 \*' never comes"):
        Schedule.parse("0 0 0 30 2 *").find_next(datetime(2026, 11, 21, tzinfo=UTC))
