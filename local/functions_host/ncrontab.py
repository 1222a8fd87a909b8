"""NCRONTAB schedules of timer triggers: six fields, and the next moment that fits them.

The fields are second, minute, hour, day of the month, month and day of the week (0 is Sunday). A field is `*`, a
number, a range `a-b`, one of these with a step (`*/5`, `10-30/5`, `5/10` from 5 on), or a list of them. A moment must
fit all six: where both day fields are restricted, NCrontab, unlike cron, takes only the days that fit both.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self

_FIELDS = (
    ("second", 0, 59),
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 6),
)
_ITEM = re.compile(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?")

# The longest wait that a schedule can mean: a 29 February on a certain day of the week, over a century without one.
_HORIZON_DAYS = 41 * 366


@dataclass(frozen=True, slots=True)
class Schedule:
    """A parsed NCRONTAB expression.

    Attributes:
        text: The expression as written.
        seconds: Fitting seconds, ascending; minutes and hours likewise.
        days: Fitting days of the month, 1 to 31; months likewise, 1 to 12.
        weekdays: Fitting days of the week, 0 (Sunday) to 6.

    """

    text: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an expression such as `0 */5 * * * *`.

        Raises:
            ValueError: It hasn't six fields, or a field holds something else than the numbers above (names of months
                and days, and time spans such as `00:05:00`, are not supported).

        """
        fields = text.split()
        if len(fields) != len(_FIELDS):
            raise ValueError(f"schedule {text!r} has {len(fields)} fields, not six as in '0 */5 * * * *'")
        values = [
            _parse_field(text, field, name, low, high) for field, (name, low, high) in zip(fields, _FIELDS, strict=True)
        ]
        return cls(text, *values)

    def find_next(self, after: datetime) -> datetime:
        """Return the first fitting moment that is later, on a full second, in the same time zone.

        Raises:
            ValueError: There is none: no year has such a day.

        """
        earliest = after.replace(microsecond=0) + timedelta(seconds=1)
        day, from_time = earliest.date(), earliest.time()
        for _ in range(_HORIZON_DAYS):
            if self._fits_day(day) and (found := self._find_time(from_time)) is not None:
                return datetime.combine(day, found, tzinfo=after.tzinfo)
            day, from_time = day + timedelta(days=1), time.min
        raise ValueError(f"schedule {self.text!r} never comes")

    def _fits_day(self, day: date) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _find_time(self, earliest: time) -> time | None:
        for hour in self.hours:
            if hour < earliest.hour:
                continue
            for minute in self.minutes:
                if (hour, minute) < (earliest.hour, earliest.minute):
                    continue
                for second in self.seconds:
                    if (found := time(hour, minute, second)) >= earliest:
                        return found
        return None


def _parse_field(text: str, field: str, name: str, low: int, high: int) -> tuple[int, ...]:
    values: set[int] = set()
    for item in field.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ValueError(f"schedule {text!r}: {item!r} is no {name}: write numbers ({low} to {high}), *, - and /")
        start, stop, step = match.groups()
        first = low if start is None else int(start)
        last = int(stop) if stop is not None else first if start is not None and step is None else high
        every = 1 if step is None else int(step)
        if not low <= first <= last <= high or every < 1:
            raise ValueError(f"schedule {text!r}: {item!r} is no {name}: ascending, from {low} to {high}, steps from 1")
        values.update(range(first, last + 1, every))
    return tuple(sorted(values))
