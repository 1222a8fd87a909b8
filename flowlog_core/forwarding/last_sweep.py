"""What a sweep leaves to the next one, on whatever instance: as a value, and as metadata of the blob ``last-sweep``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from flowlog_core.errors import LastSweepUnreadableError
from flowlog_core.forwarding.metadata import read_text, read_time, write_text, write_time

_MOST_BYTES: Final = 2000
"""Of a resource's name: percent-encoded it then fits into a blob's metadata, which is 8 KiB at most."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sweep looks for blobs.

    Attributes:
        hour: The hour (UTC) that the blobs' names tell.
        account: Name of the storage account.
        container: Name of the container.

    """

    hour: datetime
    account: str
    container: str


@dataclass(frozen=True, slots=True)
class Position:
    """How far a sweep came.

    Attributes:
        place: Where it was.
        resource: The last resource there of the last page that was done, as a prefix of blobs' names.

    """

    place: Place
    resource: str


@dataclass(frozen=True, slots=True)
class LastSweep:
    """What a sweep leaves to the next one.

    A round visits every place, from the oldest hour to the newest; it may take several sweeps.

    Attributes:
        time: When the last round began that visited every place and left nothing to a later one; before there was any,
            when the first one began. It alone is read by 0.1.0.
        position: After this the next sweep goes on; None where it begins at the oldest hour.
        round_began: When the round began that the position is in; None where it has left something already.

    """

    time: datetime
    position: Position | None = None
    round_began: datetime | None = None

    def to_metadata(self) -> dict[str, str]:
        """Write as blob metadata: ASCII, percent-encoded where need be; empty values, which get lost, are left out.

        A resource's name of over 2,000 bytes is cut: the next sweep then goes on a little before it.
        """
        metadata = {"time": write_time(self.time)}
        if self.position is not None:
            place, resource = self.position.place, self.position.resource
            metadata |= {
                "hour": write_time(place.hour),
                "account": write_text(place.account),
                "container": write_text(place.container),
                "resource": write_text(_cut(resource)),
                "roundbegan": write_time(self.round_began) if self.round_began else "",
            }
        return {key: value for key, value in metadata.items() if value}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Self:
        """Read back what `to_metadata` wrote, or 0.1.0.

        Raises:
            LastSweepUnreadableError: It was written by something else.

        """
        try:
            time = read_time(metadata, "time")
            if "hour" not in metadata:
                return cls(time)
            hour, account = read_time(metadata, "hour"), read_text(metadata, "account")
            place = Place(hour, account, read_text(metadata, "container"))
            resource = read_text(metadata, "resource") if "resource" in metadata else ""
            round_began = read_time(metadata, "roundbegan") if "roundbegan" in metadata else None
        except ValueError as error:
            raise LastSweepUnreadableError(str(error)) from None
        return cls(time, Position(place, resource), round_began)


def _cut(resource: str) -> str:
    return resource.encode()[:_MOST_BYTES].decode(errors="ignore")
