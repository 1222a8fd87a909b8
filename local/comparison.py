"""Compares every flow received with every flow written."""

import threading
import time
from dataclasses import dataclass, field
from typing import Final

from local.network_watcher.expected import Expected, Flow

_EXAMPLES_KEPT: Final = 5


@dataclass(slots=True)
class Totals:
    """What has been seen so far.

    Attributes:
        expected: Flows written.
        arrived: Flows that arrived and were expected.
        unexpected: Flows that arrived again, or that nobody wrote.
        different: Flows that arrived with other values than were written.
        quarantined: Records and tuples that the app put in quarantine, by its own count.
        to_be_quarantined: Those that belong there.
        events: Events received.
        foreign: Those of them that are not the forwarder's, or can't be read.
        replays: Those of them that belong to a replay.
        blobs: Blobs that the compared ones are of.
        latest_lag: Seconds from an append to the arrival of its flows, of the latest event.
        greatest_lag: The greatest of these.

    """

    expected: int = 0
    arrived: int = 0
    unexpected: int = 0
    different: int = 0
    quarantined: int = 0
    to_be_quarantined: int = 0
    events: int = 0
    foreign: int = 0
    replays: int = 0
    blobs: set[str] = field(default_factory=set)
    latest_lag: float = 0.0
    greatest_lag: float = 0.0


class Comparison:
    """Takes expectations from the writer and arrivals from the hub, each on its own thread.

    Attributes:
        totals: What has been seen so far.

    """

    def __init__(self) -> None:
        self.totals = Totals()
        self._examples: list[str] = []
        self._outstanding: dict[str, tuple[Flow, float]] = {}
        self._changed = threading.Condition()

    def expect(self, expected: Expected) -> None:
        """Take what must come of an append that is about to be committed."""
        now = time.monotonic()
        with self._changed:
            for flow in expected.flows:
                self._outstanding[str(flow["id"])] = (flow, now)
            self.totals.expected += len(expected.flows)
            self.totals.to_be_quarantined += sum(len(bad.ordinals) or 1 for bad in expected.quarantined)

    def put_in_quarantine(self, count: int) -> None:
        """Take how many more records and tuples the app has put in quarantine."""
        with self._changed:
            self.totals.quarantined += count

    def arrive(self, blob: str, flows: list[Flow]) -> None:
        """Take an event: the source blob that it names, and its flows."""
        now = time.monotonic()
        with self._changed:
            self.totals.events += 1
            self.totals.blobs.add(blob)
            for flow in flows:
                self._settle(flow, now)
            self._changed.notify_all()

    def pass_over_foreign(self) -> None:
        """Take an event that is not the forwarder's, or can't be read."""
        with self._changed:
            self.totals.events += 1
            self.totals.foreign += 1
            self._changed.notify_all()

    def pass_over_replay(self) -> None:
        """Take an event of a replay, whose flows come again on request."""
        with self._changed:
            self.totals.events += 1
            self.totals.replays += 1
            self._changed.notify_all()

    def wait_until_even(self, timeout: float) -> bool:
        """Wait until all that was expected has arrived; return whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._outstanding, timeout)

    def wait_for_events(self, count: int, timeout: float) -> bool:
        """Wait until so many events have been taken in all; return whether they have."""
        with self._changed:
            return self._changed.wait_for(lambda: self.totals.events >= count, timeout)

    def verdict(self) -> list[str]:
        """Return what differs, in words, with a few examples; an empty list where all is well."""
        with self._changed:
            totals = self.totals
            checks = {
                "flows did not arrive": len(self._outstanding),
                "flows arrived again, or were never written": totals.unexpected,
                "flows arrived with other values": totals.different,
                "more or fewer in quarantine than belong there": abs(totals.to_be_quarantined - totals.quarantined),
            }
            faults = [f"{count} {fault}" for fault, count in checks.items() if count]
            return [*faults, *self._examples] if faults else []

    def _settle(self, flow: Flow, now: float) -> None:
        flow_id = str(flow.get("id"))
        outstanding = self._outstanding.pop(flow_id, None)
        if outstanding is None:
            self.totals.unexpected += 1
            self._keep_example(f"flow {flow_id} was not expected (any more)")
            return
        expected, written = outstanding
        self.totals.latest_lag = now - written
        self.totals.greatest_lag = max(self.totals.greatest_lag, now - written)
        # The order of keys counts, too.
        if list(flow.items()) == list(expected.items()):
            self.totals.arrived += 1
            return
        self.totals.different += 1
        keys = [key for key in expected if flow.get(key) != expected[key]] or ["order of keys"]
        self._keep_example(f"flow {flow_id} differs in {', '.join(keys)}")

    def _keep_example(self, text: str) -> None:
        if len(self._examples) < _EXAMPLES_KEPT:
            self._examples.append(text)
