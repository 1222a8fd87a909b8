"""From a writer of flow logs to the events on the hub: what tests of the running app share."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.comparison import Comparison
from local.event_hub.server import EventHub, StoredEvent
from local.network_watcher.blob_stores import StorageAccount
from local.network_watcher.expected import Flow
from local.network_watcher.fleet import fleet
from local.network_watcher.records import Oddities
from local.network_watcher.writer import NetworkWatcher, Sink

PARTITIONS: Final = 4
"""Of the local hub."""


def body_of(event: StoredEvent) -> list[Flow]:
    """Read an event's flows, whatever the format and the compression."""
    body = gzip.decompress(event.body) if event.content_encoding == "gzip" else event.body
    if event.content_type == "application/x-ndjson":
        return [json.loads(line) for line in body.splitlines()]
    document = json.loads(body)
    return list(document["records"]) if "records" in document else [document]


class Reader:
    """Compares the hub's events with what was written.

    Attributes:
        comparison: Takes what is written, and what the reader has taken.

    """

    def __init__(self, hub: EventHub, flows_of: Callable[[StoredEvent], list[Flow]] = body_of) -> None:
        """Begin with the hub's first event; `flows_of` reads the flows of one."""
        self.comparison = Comparison()
        self._hub = hub
        self._flows_of = flows_of
        self._taken = [0] * PARTITIONS

    def take(self) -> None:
        """Take the events that are there."""
        for partition in range(PARTITIONS):
            events = self._hub.events(partition)
            for event in events[self._taken[partition] :]:
                self.comparison.arrive(str(event.properties["blob"]), self._flows_of(event))
            self._taken[partition] = len(events)

    def wait(self) -> None:
        """Wait until all that was written has arrived."""
        deadline = time.monotonic() + 60
        while not self.comparison.wait_until_even(0.2):
            assert time.monotonic() < deadline, self.comparison.verdict()
            self.take()

    def verdict(self) -> list[str]:
        """Take what came last, and return what differs."""
        self.take()
        return self.comparison.verdict()


@contextmanager
def writer(
    storage: Azurite, sink: Sink, *, hostile: bool = False, first_minute: int = 29_500_050
) -> Iterator[NetworkWatcher]:
    """Write as Network Watcher does, by default from ten minutes before an hour's end."""
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        yield NetworkWatcher(
            StorageAccount(service),
            fleet(5, "end to end"),
            first_minute=first_minute,
            per_minute=150,
            seed="end to end",
            oddities=Oddities(forms=True, hostile=hostile),
            sink=sink,
        )
