"""The nodes of the local namespace: what its addresses mean, and what becomes of a message sent to one."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from azure.eventhub._pyamqp.error import AMQPError
from azure.eventhub._pyamqp.message import Message, Properties
from azure.eventhub._pyamqp.outcomes import Accepted, Rejected

from local.event_hub.amqp_frames import MalformedError, read_message, write_message
from local.event_hub.amqp_service import Feed, RefusedError, Sink, Verdict
from local.event_hub.faults import Fate, Faults
from local.event_hub.hub import Hub
from local.event_hub.partition import Partition, Reader, SentEvents

_BUSY: Final = (
    "The request was terminated because the entity is being throttled. Error code: 50002. "
    "Please wait 4 seconds and try again."
)
_NOT_FOUND: Final = b"amqp:not-found"


@dataclass(frozen=True, slots=True)
class Counters:
    """What has happened in all hubs so far; a send is one message, however many events it holds.

    Attributes:
        accepted: Sends taken, acknowledged at once or after `ack_delay`.
        rejected: Sends answered with an error: busy, too large or unreadable.
        dropped: Sends answered with a cut connection, stored or not.
        events: Events stored.

    """

    accepted: int
    rejected: int
    dropped: int
    events: int

    @property
    def transfers(self) -> int:
        """Sends that arrived."""
        return self.accepted + self.rejected + self.dropped


class Namespace:
    """The nodes of its hubs and their state; the `Service` of its connections.

    The loop's thread changes it; `lock` guards what other threads read.
    """

    def __init__(self, hubs: Iterable[Hub], max_message_bytes: int) -> None:
        self.max_message_bytes = max_message_bytes
        self.faults = Faults()
        self.lock = threading.Lock()
        self._hubs = {hub.name: hub for hub in hubs}
        self._counts: Counter[str] = Counter()

    def count(self) -> Counters:
        """Count what has happened so far; from any thread."""
        with self.lock:
            counts = self._counts.copy()
        return Counters(counts["accepted"], counts["rejected"], counts["dropped"], counts["events"])

    def open_sink(self, address: str) -> Sink:
        """Return what takes the messages for `address`. Raises RefusedError."""
        match _split(address):
            case ["$cbs"]:
                return self._authorize
            case ["$management"]:
                return self._manage
            case [name] if name in self._hubs:
                return partial(self._store, self._hubs[name], None)
            case [name, "Partitions", number] if name in self._hubs and number in self._hubs[name].partitions:
                return partial(self._store, self._hubs[name], number)
        raise RefusedError(_NOT_FOUND, f"The messaging entity '{address}' could not be found.")

    def open_feed(self, address: str, filters: Mapping[bytes, object]) -> Feed | None:
        """Return the source of the messages from `address`; None: only responses come. Raises RefusedError."""
        match _split(address):
            case ["$cbs"] | ["$management"]:
                return None
            case [name, "ConsumerGroups", group, "Partitions", number] if name in self._hubs:
                hub = self._hubs[name]
                if group in hub.consumer_groups and number in hub.partitions:
                    return self._open_reader(hub.partitions[number], filters)
        raise RefusedError(_NOT_FOUND, f"The messaging entity '{address}' could not be found.")

    def _open_reader(self, partition: Partition, filters: Mapping[bytes, object]) -> Reader:
        selector = filters.get(b"apache.org:selector-filter:string")
        if not isinstance(selector, bytes):
            return Reader(partition, partition.first)
        try:
            return Reader(partition, partition.find(selector))
        except ValueError as error:
            raise RefusedError(b"com.microsoft:argument-error", str(error)) from error

    def _store(self, hub: Hub, number: str | None, message: memoryview, message_format: int | None) -> Verdict:
        fate = self.faults.take()
        if fate is Fate.DROP:
            return self._drop()
        if fate is Fate.BUSY:
            return self._reject(b"com.microsoft:server-busy", _BUSY)
        if len(message) > self.max_message_bytes:
            text = f"The message of {len(message)} bytes exceeds the link's limit of {self.max_message_bytes} bytes."
            return self._reject(b"amqp:link:message-size-exceeded", text)
        try:
            sent = SentEvents.read(message, message_format)
        except MalformedError as error:
            return self._reject(b"amqp:decode-error", str(error))
        partition = hub.partitions[number or hub.choose_partition(sent.partition_key)]
        with self.lock:
            partition.append(sent)
            self._counts["events"] += len(sent.events)
            self._counts["accepted"] += fate is Fate.STORE
        for wake in tuple(partition.watchers.values()):
            wake()
        return self._drop() if fate is Fate.LOSE_ACK else Verdict(Accepted(), delay=self.faults.ack_delay)

    def _reject(self, condition: bytes, description: str) -> Verdict:
        with self.lock:
            self._counts["rejected"] += 1
        return Verdict(Rejected(AMQPError(condition, description)))

    def _drop(self) -> Verdict:
        with self.lock:
            self._counts["dropped"] += 1
        return Verdict(None)

    def _authorize(self, message: memoryview, _: int | None) -> Verdict:
        """Answer a put-token on $cbs: any token will do."""
        return Verdict(Accepted(), response=_write_response(read_message(message), {}))

    def _manage(self, message: memoryview, _: int | None) -> Verdict:
        """Answer a READ on $management."""
        request = read_message(message)
        asked = request.application_properties or {}
        number = asked.get(b"partition", b"").decode()
        described = None
        if (hub := self._hubs.get(asked.get(b"name", b"").decode())) is not None:
            if asked.get(b"type") == b"com.microsoft:eventhub":
                described = hub.describe()
            elif asked.get(b"type") == b"com.microsoft:partition" and number in hub.partitions:
                described = hub.describe_partition(number)
        return Verdict(Accepted(), response=_write_response(request, described))


def _split(address: str) -> list[str]:
    """Split an address, which azure-eventhub writes as a URL or as a bare node name, into its segments."""
    return urlsplit(address).path.strip("/").split("/")


def _write_response(request: Message, value: Mapping[str, object] | None) -> bytes:
    status, text = (404, "Not found") if value is None else (200, "OK")
    request_id = request.properties.message_id if request.properties else None
    return write_message(
        Message(
            properties=Properties(correlation_id=request_id),  # type: ignore[arg-type]  # its annotation forgets UUID
            application_properties={"status-code": status, "status-description": text},
            value=value,
        )
    )
