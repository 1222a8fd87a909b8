"""Holds what arrives on the hub against what was written, flow by flow."""

import threading
import time
from dataclasses import dataclass, field
from typing import Final

from local.network_watcher.expected import Expected, Flow

_FAULTS_KEPT: Final = 5


@dataclass(slots=True)
class Totals:
    """What has been seen so far.

    Attributes:
        expected: Flows written.
        arrived: Flows that arrived and were expected.
        unexpected: Flows that arrived again, or that nobody wrote.
        different: Flows that arrived with other values than were written.
        quarantined: Records and tuples that the app says it put in quarantine.
        to_be_quarantined: Those that belong there.
        events: Events received.
        blobs: Blobs that they are of.
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
    blobs: set[str] = field(default_factory=set)
    latest_lag: float = 0.0
    greatest_lag: float = 0.0


class Comparison:
    """Takes expectations from the writer and arrivals from the hub, each on its own thread.

    Attributes:
        totals: What has been seen so far.
        faults: The first few faults, in words.

    """

    def __init__(self) -> None:
        self.totals = Totals()
        self.faults: list[str] = []
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
        """Take how many more records and tuples the app says it put in quarantine."""
        with self._changed:
            self.totals.quarantined += count

    def arrive(self, blob: str, flows: list[Flow]) -> None:
        """Take an event: the source blob that it names, and its flows."""
        now = time.monotonic()
        with self._changed:
            totals = self.totals
            totals.events += 1
            totals.blobs.add(blob)
            for flow in flows:
                self._settle(flow, now)
            self._changed.notify_all()

    def wait_until_even(self, timeout: float) -> bool:
        """Wait until all that was expected has arrived; say whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._outstanding, timeout)

    def verdict(self) -> list[str]:
        """Give what differs, in words; nothing where all is well."""
        with self._changed:
            totals, missing = self.totals, len(self._outstanding)
            checks = {
                "flows did not arrive": missing,
                "flows arrived again, or were never written": totals.unexpected,
                "flows arrived with other values": totals.different,
                "more or fewer in quarantine than belong there": abs(totals.to_be_quarantined - totals.quarantined),
            }
            found = [f"{count} {fault}" for fault, count in checks.items() if count]
            return [*found, *self.faults] if found else []

    def _settle(self, flow: Flow, now: float) -> None:
        flow_id = str(flow.get("id"))
        outstanding = self._outstanding.pop(flow_id, None)
        if outstanding is None:
            self.totals.unexpected += 1
            self._fault(f"flow {flow_id} was not expected (any more)")
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
        self._fault(f"flow {flow_id} differs in {', '.join(keys)}")

    def _fault(self, text: str) -> None:
        if len(self.faults) < _FAULTS_KEPT:
            self.faults.append(text)
