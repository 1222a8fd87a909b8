"""The local run's own consumer: it reads the hub as any consumer would, and compares what it reads."""

import threading
from types import TracebackType
from typing import Final, Self

from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext

from flowlog_core.adapters.event_hubs.reader import DEFAULT_GROUP, received_event
from flowlog_core.cli.output.flow_display import Display
from flowlog_core.errors import EventUnreadableError
from flowlog_core.operations.received_event import ReceivedEvent
from local.comparison import Comparison

_FROM_START: Final = "-1"
_LOOK_SECONDS: Final = 1.0  # for so long a thread of the client goes on after its end


class Consumer:
    """Reads all events of a hub, from entry to exit; compares the app's, shows their flows, and counts the others.

    Anybody may send to the hub meanwhile. An event that is not the forwarder's, or can't be read, is passed over, and
    so is one of a replay, which repeats flows on request.
    """

    def __init__(self, connection_string: str, hub: str, comparison: Comparison, display: Display) -> None:
        """Prepare; nothing is read before entry."""
        self._client = EventHubConsumerClient.from_connection_string(
            connection_string, DEFAULT_GROUP, eventhub_name=hub, load_balancing_interval=_LOOK_SECONDS
        )
        self._thread = threading.Thread(target=self._receive, name="consumer", daemon=True)
        self._comparison = comparison
        self._display = display
        self._last: dict[str, int] = {}  # of each partition, the number of the last event that was taken

    def __enter__(self) -> Self:
        """Start to read."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop reading."""
        self._client.close()
        self._thread.join()

    def _receive(self) -> None:
        self._client.receive(self._on_event, starting_position=_FROM_START)

    def _on_event(self, context: PartitionContext, data: EventData | None) -> None:
        if data is None:
            return
        event = received_event(context.partition_id, data)
        if event.sequence > self._last.get(event.partition, -1):  # the client begins anew after a lost connection
            self._last[event.partition] = event.sequence
            self._take(event)

    def _take(self, event: ReceivedEvent) -> None:
        try:
            flows = list(event.flows())
        except EventUnreadableError as error:
            if not self._comparison.totals.foreign:
                self._display.note(f"{error}; more of this kind are only counted")
            self._comparison.pass_over_foreign()
            return
        if event.properties is None or event.properties.replay is not None:
            self._comparison.pass_over_replay()
        else:
            self._comparison.arrive(event.properties.blob, flows)
        self._display.flows(flows)
