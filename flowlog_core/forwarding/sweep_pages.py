"""What a sweep finds: the blobs of some hours that are not completely forwarded, in pages, in the sweep's order.

Hours oldest first; in each hour the containers in the order of the settings; in each container its resources by name.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from flowlog_core.errors import FlowLogError
from flowlog_core.forwarding.last_sweep import Place, Position
from flowlog_core.forwarding.listing import FlowLogTree
from flowlog_core.forwarding.options import SweepOptions
from flowlog_core.forwarding.ports import Clock, ListedBlob, Log
from flowlog_core.forwarding.silence import Container
from flowlog_core.forwarding.sweep_pending import PendingBlobs
from flowlog_core.forwarding.sweep_report import SweepReport

_PAGE_BLOBS: Final = 256
"""A page with so many pending blobs is full: they keep the threads busy while the next page is listed."""

_MOST_FAULTS: Final = 3
"""A container of which so many resources can't be listed is left alone for the rest of the sweep."""

_PAGE_SHARE: Final = 4
"""A page that took this part of the sweep's time to list is full: however slow storage is, a sweep moves on."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of a sweep's way: the resources of one place, or some of them.

    Attributes:
        place: The place.
        after: Only those after this one.
        until: Only those up to and with this one.

    """

    place: Place
    after: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Resources of one place that were listed together.

    Attributes:
        end: The position after the last of them.
        pending: Their blobs that are not completely forwarded; the one that was written to longest ago first.

    """

    end: Position
    pending: tuple[ListedBlob, ...]


def legs_from(places: Sequence[Place], start: Position | None) -> tuple[list[Leg], list[Leg]]:
    """Return a sweep's way from its start to the end of the places, and from their beginning back to its start.

    Args:
        places: In order.
        start: In one of them; None for their beginning, whereupon there is no way back.

    """
    if start is None:
        return [Leg(place) for place in places], []
    at = places.index(start.place)
    to_end = [Leg(start.place, after=start.resource), *map(Leg, places[at + 1 :])]
    return to_end, [*map(Leg, places[:at]), Leg(start.place, until=start.resource)]


@dataclass(slots=True)
class _OpenPage:
    """A page that is being listed.

    Attributes:
        full_at: When it is full, on the clock's monotonic scale.
        resources: How many it has.
        last: The last of them.
        pending: Their blobs that are not completely forwarded.

    """

    full_at: float
    resources: int = 0
    last: str = ""
    pending: list[ListedBlob] = field(default_factory=list)

    def close(self, place: Place) -> Page:
        longest_ago_first = sorted(self.pending, key=lambda each: (each.modified, each.blob.name))
        return Page(Position(place, self.last), tuple(longest_ago_first))


class SweepPages:
    """The pages of one sweep, listed as they are asked for.

    Attributes:
        broken_off: Whether the sweep was over before all that was asked for was listed.
        some_failed: Whether something could not be listed.

    """

    def __init__(
        self,
        tree: FlowLogTree,
        pending: PendingBlobs,
        report: SweepReport,
        *,
        is_over: Callable[[], bool],
        clock: Clock,
        log: Log,
        options: SweepOptions,
    ) -> None:
        """Take what listing needs.

        Args:
            tree: The resources.
            pending: What is pending of them.
            report: What can't be listed is counted in it.
            is_over: Says whether the sweep's time is up, or a stop was requested.
            clock: Time.
            log: Where what can't be listed is reported.
            options: How large a page is.

        """
        self.broken_off = False
        self.some_failed = False
        self._tree = tree
        self._pending = pending
        self._report = report
        self._is_over = is_over
        self._clock = clock
        self._log = log
        self._options = options
        self._walked: dict[Container, list[str]] = {}
        self._failed: dict[Container, set[str]] = defaultdict(set)
        self._left_alone: set[Container] = set()

    def along(self, legs: Sequence[Leg]) -> Iterator[Page]:
        """List the pages along some legs, until they end or the sweep is over.

        What can't be listed is logged as a fault, and left alone for the rest of the sweep.
        """
        for leg in legs:
            yield from self._pages(leg)
            if self.broken_off:
                return

    def _pages(self, leg: Leg) -> Iterator[Page]:
        page = self._open()
        try:
            for resource in self._resources(leg):
                if self._is_over():
                    self.broken_off = True
                    return
                page.pending += self._list(leg.place, resource)
                page.resources += 1
                page.last = resource
                if self._is_full(page):
                    yield page.close(leg.place)
                    page = self._open()
        except FlowLogError as error:
            self._fail(leg.place, error)
        if page.resources:
            yield page.close(leg.place)

    def _open(self) -> _OpenPage:
        return _OpenPage(self._clock.monotonic() + self._options.run_seconds / _PAGE_SHARE)

    def _is_full(self, page: _OpenPage) -> bool:
        if page.resources >= self._options.page_resources or len(page.pending) >= _PAGE_BLOBS:
            return True
        return self._clock.monotonic() >= page.full_at

    def _resources(self, leg: Leg) -> Iterator[str]:
        """Return the resources of a leg; a container is walked once in a sweep, for all of its hours."""
        container = leg.place.account, leg.place.container
        walked = self._walked.get(container)
        for resource in self._walk(container, leg.after) if walked is None else walked:
            if container in self._left_alone or (leg.until is not None and resource > leg.until):
                return
            if leg.after is None or resource > leg.after:
                yield resource

    def _walk(self, container: Container, after: str | None) -> Iterator[str]:
        if container in self._left_alone:
            return
        walked = []
        for resource in self._tree.resources(*container, after=after):
            walked.append(resource)
            yield resource
        if after is None:
            self._walked[container] = walked

    def _list(self, place: Place, resource: str) -> list[ListedBlob]:
        """Return what is pending of a resource, or nothing where it can't be listed."""
        if resource in self._failed[place.account, place.container]:
            return []
        try:
            return self._pending.of(place, resource)
        except FlowLogError as error:
            self._fail(place, error, resource)
            return []

    def _fail(self, place: Place, error: FlowLogError, resource: str | None = None) -> None:
        """Log that a resource, or the levels of its container, can't be listed."""
        container = place.account, place.container
        if resource is not None:
            self._failed[container].add(resource)
        if resource is None or len(self._failed[container]) == _MOST_FAULTS:
            self._left_alone.add(container)
        self.some_failed = True
        self._report.failed += 1
        fields = {
            "account": place.account,
            "container": place.container,
            "error": type(error).__name__,
            "reason": str(error),
        }
        self._log("flowlog.fault", fields, level=logging.ERROR)
