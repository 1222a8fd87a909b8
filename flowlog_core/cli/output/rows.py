"""Rows by source, container and hour: in order, and as they are called in tables and in JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from flowlog_core.cli.output.terminal import Align
from flowlog_core.forwarding.listing import Selection
from flowlog_core.operations.blob_progress import HourKey
from flowlog_core.settings import Settings

SOURCE_HOUR_COLUMNS: Final[tuple[tuple[str, Align], ...]] = (
    ("source", "left"),
    ("container", "left"),
    ("hour", "left"),
)


@dataclass(frozen=True, slots=True)
class SourceHour:
    """What a row is about.

    Attributes:
        source: Name of the connection.
        container: Name of the container.
        hour: As the blobs' names tell it, or None where they tell none.

    """

    source: str
    container: str
    hour: datetime | None

    def cells(self) -> tuple[str, str, str]:
        """Give what stands in the columns of `SOURCE_HOUR_COLUMNS`."""
        return self.source, self.container, f"{self.hour:%Y-%m-%dT%H:%MZ}" if self.hour else "unknown"

    def fields(self) -> dict[str, object]:
        """Give what stands in JSON."""
        return {"source": self.source, "container": self.container, "hour": utc(self.hour) if self.hour else None}


def by_source_hour[T](rows: Mapping[HourKey, T], settings: Settings) -> list[tuple[SourceHour, T]]:
    """Put rows in order, by source, container and hour."""
    names = {source.account: source.name for source in settings.sources}
    made = [(SourceHour(names[account], container, hour), row) for (account, container, hour), row in rows.items()]
    return sorted(made, key=lambda item: item[0].cells())


def none_found(selection: Selection) -> str:
    """Say that there is no flow log in a selection, and what to check."""
    places = ", ".join(f"{account}/{container}" for account, container in selection.containers)
    return (
        f"no flow log of {utc(selection.since)} to {utc(selection.until)} was found in {places}; check the span, "
        "--prefix, FLOWLOG_SOURCES and FLOWLOG_CONTAINERS"
    )


def utc(time: datetime) -> str:
    """Write a time as JSON has it here: ``2026-11-20T23:00:00Z``."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
