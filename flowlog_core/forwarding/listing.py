"""Finding flow logs: the blobs of some hours, without listing a complete container.

A container may hold hundreds of thousands of old blobs. So its tree is walked by delimiter down to where `y=…` stands;
what is above that is a resource, whatever its number of levels. Resources are remembered, and below each of them only
the hours in question are listed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from flowlog_core.forwarding.ports import BlobListing, ListedBlob

HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_YEAR: Final = "y="


@dataclass(frozen=True, slots=True)
class Selection:
    """Which flow logs somebody asks for.

    Attributes:
        containers: Account and container of each place to look at.
        since: The first hour (UTC).
        until: The hour after the last one (UTC).
        prefix: What the blobs' names begin with.

    """

    containers: tuple[tuple[str, str], ...]
    since: datetime
    until: datetime
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """The flow logs that one listing found.

    Attributes:
        account: Name of the storage account.
        container: Name of the container.
        prefix: What was listed: a resource, and below it an hour or a day.
        blobs: Those of the selection.

    """

    account: str
    container: str
    prefix: str
    blobs: tuple[ListedBlob, ...]


class FlowLogTree:
    """The trees of the containers. It remembers which resources there are."""

    def __init__(self, listing: BlobListing) -> None:
        """Take what lists blobs."""
        self._listing = listing
        self._known: dict[tuple[str, str], dict[str, list[str]]] = {}  # resources, and what is deeper below each

    def resources(self, account: str, container: str, under: str = "", *, after: str | None = None) -> Iterator[str]:
        """Return the resources of a container by name, as prefixes that end where `y=` begins.

        Args:
            account: Name of the storage account.
            container: Name of the container.
            under: Those whose names agree with this.
            after: Those that come after this one; None for all.

        Raises:
            StorageError: The container can't be listed.

        """
        known = self._known.setdefault((account, container), {})
        rest = [""]
        while rest:
            prefix = rest.pop()
            if not (prefix.startswith(under) or under.startswith(prefix)):
                continue
            if after is not None and prefix <= after and not after.startswith(prefix):
                continue  # and so is everything below it
            if prefix not in known:
                children = sorted(self._listing.prefixes(account, container, prefix))
                deeper = [child for child in children if not child[len(prefix) :].startswith(_YEAR)]
                if len(deeper) == len(children):
                    rest += reversed(deeper)
                    continue
                known[prefix] = deeper
            rest += reversed(known[prefix])
            if after is None or prefix > after:
                yield prefix

    def blobs(self, account: str, container: str, prefix: str) -> list[ListedBlob]:
        """Give the flow logs whose names begin with `prefix`.

        Raises:
            StorageError: They can't be listed.

        """
        return [each for each in self._listing.blobs(account, container, prefix) if each.blob.is_flow_log]

    def select(self, selection: Selection) -> Iterator[Listed]:
        """Give the flow logs of a selection, resource by resource, earliest first. One listing for each hour or day.

        Raises:
            StorageError: They can't be listed.

        """
        for account, container in selection.containers:
            for resource in self.resources(account, container, selection.prefix):
                for prefix in (resource + below for below in prefixes_between(selection.since, selection.until)):
                    if not (prefix.startswith(selection.prefix) or selection.prefix.startswith(prefix)):
                        continue
                    found = self.blobs(account, container, prefix)
                    blobs = [each for each in found if each.blob.name.startswith(selection.prefix)]
                    if blobs:
                        yield Listed(account, container, prefix, tuple(blobs))


def hour_of(time: datetime) -> datetime:
    """Give the hour (UTC) in which a time lies."""
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hour_prefix(hour: datetime) -> str:
    """Give what stands below a resource in the names of an hour's blobs."""
    return f"{hour:y=%Y/m=%m/d=%d/h=%H/}"


def hours_prefix(hour: datetime) -> str:
    """Return how `hour_prefix` begins for all hours of the day with the same tens digit: those from 20 to 23, say."""
    return f"{hour:y=%Y/m=%m/d=%d/h=%H}"[:-1]


def prefixes_between(since: datetime, until: datetime) -> Iterator[str]:
    """Give the prefixes, below a resource, of all hours from `since` on and before `until`; whole days as one."""
    hour = hour_of(since)
    while hour < until:
        if hour.hour == 0 and hour + _DAY <= until:
            yield f"{hour:y=%Y/m=%m/d=%d/}"
            hour += _DAY
        else:
            yield hour_prefix(hour)
            hour += HOUR
