"""A stand-in for an Event Hubs namespace with one hub, for local runs and for tests. It is not the service.

The azure-eventhub client (5.15.1, its own AMQP; sync and aio) talks to it unchanged, over plain AMQP on the loopback.
It covers sending (single events and batches, to the hub or to a partition, by key or in turn), receiving from a
partition (from the start, the end, an offset, a sequence number or a time; any number of receivers), the two management
reads, the size limit, and faults on request. Keys go to the partition that the client's own copy of the service's hash
gives.

It doesn't cover: TLS, checking of credentials (any key will do), owner levels of receivers, the last enqueued event's
properties on a received event, message annotations other than the partition key, throughput units (but see `Faults`),
quotas, retention by time, durability (events live in memory), the idle limit of 240 s (but see `close_connections`),
Kafka, HTTPS, and other clients than azure-eventhub for Python.

Microsoft's emulator or a real hub does as well: set the connection string to theirs.
"""

import argparse
import asyncio
import contextlib
import itertools
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Final, Self
from urllib.parse import urlsplit

from azure.eventhub._buffered_producer._partition_resolver import generate_hash_code
from azure.eventhub._pyamqp.error import AMQPError
from azure.eventhub._pyamqp.message import Message, Properties
from azure.eventhub._pyamqp.outcomes import Accepted, Rejected
from azure.eventhub._pyamqp.types import TYPE, VALUE, AMQPTypes

from local.event_hub.amqp_connection import Connection, Feed, RefusedError, Sink, Verdict
from local.event_hub.amqp_frames import MalformedError, read_message, write_message
from local.event_hub.partition import Partition, Reader, SentEvents, StoredEvent

__all__ = ["Counters", "EventHub", "Faults", "StoredEvent"]

_BUSY: Final = (
    "The request was terminated because the entity is being throttled. Error code: 50002. "
    "Please wait 4 seconds and try again."
)
_NOT_FOUND: Final = b"amqp:not-found"


@dataclass(frozen=True, slots=True)
class Counters:
    """What has happened since the hub was made; a send is one message, however many events it holds.

    Attributes:
        accepted: sends taken, acknowledged at once or after `ack_delay`.
        rejected: sends answered with an error: busy, too large or unreadable.
        dropped: sends answered with a cut connection, stored or not.
        events: events stored.

    """

    accepted: int
    rejected: int
    dropped: int
    events: int

    @property
    def transfers(self) -> int:
        """Sends that arrived."""
        return self.accepted + self.rejected + self.dropped


class Fate(Enum):
    """What becomes of a send."""

    STORE = auto()
    BUSY = auto()
    DROP = auto()
    LOSE_ACK = auto()


class Faults:
    """Switches that make the hub misbehave; to be set from any thread, while it runs.

    The counted ones queue up: after `reject_busy(2)` and `drop_after_store()`, the next two sends find the hub busy and
    the third loses its acknowledgement.

    Attributes:
        busy: while True every send is rejected as busy, and counted faults wait.
        ack_delay: seconds to hold back each acknowledgement; the events are stored at once.

    """

    def __init__(self) -> None:
        self.busy = False
        self.ack_delay = 0.0
        self._fates: deque[Fate] = deque()

    def reject_busy(self, sends: int = 1) -> None:
        """Reject that many sends as the service does when it throttles."""
        self._fates.extend([Fate.BUSY] * sends)

    def drop_before_store(self, sends: int = 1) -> None:
        """Cut the connection at each of that many sends, with nothing stored."""
        self._fates.extend([Fate.DROP] * sends)

    def drop_after_store(self, sends: int = 1) -> None:
        """Cut the connection at each of that many sends, with the events stored: a lost acknowledgement."""
        self._fates.extend([Fate.LOSE_ACK] * sends)

    def clear(self) -> None:
        """Behave again."""
        self.busy = False
        self.ack_delay = 0.0
        self._fates.clear()

    def take(self) -> Fate:
        """Decide on the next send; the hub asks."""
        if self.busy:
            return Fate.BUSY
        try:
            return self._fates.popleft()
        except IndexError:
            return Fate.STORE


class _Namespace:
    """What the addresses mean, and the hub's state. The loop's thread changes it; `lock` guards what others read."""

    def __init__(
        self,
        name: str,
        partitions: int,
        consumer_groups: Sequence[str],
        max_message_bytes: int,
        retain_bytes: int | None,
    ) -> None:
        self.name = name
        self.max_message_bytes = max_message_bytes
        self.connections: set[Connection] = set()
        self.faults = Faults()
        self.lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.partitions = {str(number): Partition(retain_bytes) for number in range(partitions)}
        self._turns = itertools.cycle(self.partitions)
        self._consumer_groups = frozenset(consumer_groups)
        self._created_ms = time.time_ns() // 1_000_000

    def sink(self, address: str) -> Sink:
        """Say where messages for `address` go. Raises RefusedError."""
        match _path(address):
            case ["$cbs"]:
                return self._authorize
            case ["$management"]:
                return self._manage
            case [name] if name == self.name:
                return partial(self._store, None)
            case [name, "Partitions", number] if name == self.name and number in self.partitions:
                return partial(self._store, number)
        raise RefusedError(_NOT_FOUND, f"The messaging entity '{address}' could not be found.")

    def feed(self, address: str, filters: Mapping[bytes, object]) -> Feed | None:
        """Say where messages from `address` come from; None: only responses do. Raises RefusedError."""
        match _path(address):
            case ["$cbs"] | ["$management"]:
                return None
            case [name, "ConsumerGroups", group, "Partitions", number] if (
                name == self.name and group in self._consumer_groups and number in self.partitions
            ):
                return self._reader(number, filters)
        raise RefusedError(_NOT_FOUND, f"The messaging entity '{address}' could not be found.")

    def _reader(self, number: str, filters: Mapping[bytes, object]) -> Reader:
        partition = self.partitions[number]
        selector = filters.get(b"apache.org:selector-filter:string")
        if not isinstance(selector, bytes):
            return Reader(partition, partition.first)
        try:
            return Reader(partition, partition.find(selector))
        except ValueError as error:
            raise RefusedError(b"com.microsoft:argument-error", str(error)) from error

    def _store(self, number: str | None, message: memoryview, message_format: int | None) -> Verdict:
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
        partition = self.partitions[number or self._choose(sent.partition_key)]
        with self.lock:
            partition.append(sent)
            self.counts["events"] += len(sent.events)
            self.counts["accepted"] += fate is Fate.STORE
        for wake in tuple(partition.watchers.values()):
            wake()
        return self._drop() if fate is Fate.LOSE_ACK else Verdict(Accepted(), delay=self.faults.ack_delay)

    def _reject(self, condition: bytes, description: str) -> Verdict:
        with self.lock:
            self.counts["rejected"] += 1
        return Verdict(Rejected(AMQPError(condition, description)))

    def _drop(self) -> Verdict:
        with self.lock:
            self.counts["dropped"] += 1
        return Verdict(None)

    def _choose(self, key: str | None) -> str:
        if key is None:
            return next(self._turns)
        code: int = generate_hash_code(key)  # type: ignore[no-untyped-call]  # the client gives no types for it
        return str(code % len(self.partitions))

    def _authorize(self, message: memoryview, _: int | None) -> Verdict:
        """Answer a put-token on $cbs: any token will do."""
        return Verdict(Accepted(), response=_response(read_message(message), {}))

    def _manage(self, message: memoryview, _: int | None) -> Verdict:
        """Answer a READ on $management."""
        request = read_message(message)
        asked = request.application_properties or {}
        number = asked.get(b"partition", b"").decode()
        described = None
        if asked.get(b"name") == self.name.encode():
            if asked.get(b"type") == b"com.microsoft:eventhub":
                described = self._describe_hub()
            elif asked.get(b"type") == b"com.microsoft:partition" and number in self.partitions:
                described = self._describe_partition(number)
        return Verdict(Accepted(), response=_response(request, described))

    def _describe_hub(self) -> dict[str, object]:
        return {
            "name": self.name,
            "type": "com.microsoft:eventhub",
            "created_at": {TYPE: AMQPTypes.timestamp, VALUE: self._created_ms},
            "partition_count": len(self.partitions),
            "partition_ids": {TYPE: AMQPTypes.array, VALUE: list(self.partitions)},
        }

    def _describe_partition(self, number: str) -> dict[str, object]:
        partition = self.partitions[number]
        last = partition.last()
        return {
            "name": self.name,
            "type": "com.microsoft:partition",
            "partition": number,
            "begin_sequence_number": {TYPE: AMQPTypes.long, VALUE: partition.first},
            "last_enqueued_sequence_number": {TYPE: AMQPTypes.long, VALUE: partition.end - 1},
            "last_enqueued_offset": str(last.offset),
            "last_enqueued_time_utc": {TYPE: AMQPTypes.timestamp, VALUE: last.enqueued_ms},
            "is_partition_empty": partition.end == partition.first,
        }


def _path(address: str) -> list[str]:
    """Cut an address, which azure-eventhub gives as a URL or as a bare node name, into its segments."""
    return urlsplit(address).path.strip("/").split("/")


def _response(request: Message, value: Mapping[str, object] | None) -> bytes:
    status, text = (404, "Not found") if value is None else (200, "OK")
    request_id = request.properties.message_id if request.properties else None
    return write_message(
        Message(
            properties=Properties(correlation_id=request_id),  # type: ignore[arg-type]  # its annotation forgets UUID
            application_properties={"status-code": status, "status-description": text},
            value=value,
        )
    )


class EventHub:
    """One hub on 127.0.0.1, served from a thread of its own while started (or entered as a context).

    It can be started again after a stop, with its events, on the port it had.

    Attributes:
        name: the hub's name.
        port: TCP port; where 0 was given, a free one, known once started.
        faults: switches that make it misbehave.

    """

    def __init__(
        self,
        name: str = "flowlogs",
        *,
        partitions: int = 4,
        consumer_groups: Sequence[str] = ("$Default",),
        port: int = 0,
        max_message_bytes: int = 1_048_576,
        retain_bytes: int | None = None,
    ) -> None:
        """Make a hub that isn't running.

        `max_message_bytes` is the largest message (a batch, or an event by itself), as encoded; links announce it.
        `retain_bytes` is what a partition keeps at most, apart from its newest event; None keeps everything.
        """
        self.name = name
        self.port = port
        self._namespace = _Namespace(name, partitions, consumer_groups, max_message_bytes, retain_bytes)
        self.faults = self._namespace.faults
        self._running: tuple[asyncio.AbstractEventLoop, threading.Thread, asyncio.Server] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def connection_string(self) -> str:
        """For `from_connection_string(…, eventhub_name=hub.name)`; as on a namespace, it names no hub."""
        return (
            f"Endpoint=sb://localhost:{self.port};SharedAccessKeyName=local;SharedAccessKey=local;"
            "UseDevelopmentEmulator=true"
        )

    def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        if self._running:
            raise RuntimeError("the hub is running already")
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name=f"event hub {self.name}", daemon=True)
        thread.start()
        listening = loop.create_server(lambda: Connection(self._namespace), "127.0.0.1", self.port)
        try:
            server = asyncio.run_coroutine_threadsafe(listening, loop).result()
        except OSError:
            _end(loop, thread)
            raise
        self.port = server.sockets[0].getsockname()[1]
        self._running = loop, thread, server

    def stop(self) -> None:
        """Close every connection and the port, and end the thread; the events stay."""
        if self._running:
            loop, thread, server = self._running
            asyncio.run_coroutine_threadsafe(self._shut(server), loop).result()
            _end(loop, thread)
            self._running = None

    def close_connections(self) -> None:
        """Close every connection in good order, as the service does after 240 s without traffic."""
        if self._running:
            asyncio.run_coroutine_threadsafe(self._disconnect(), self._running[0]).result()

    def counters(self) -> Counters:
        """Count what has happened so far."""
        with self._namespace.lock:
            counts = self._namespace.counts.copy()
        return Counters(counts["accepted"], counts["rejected"], counts["dropped"], counts["events"])

    def events(self, partition: int | None = None) -> list[StoredEvent]:
        """Give the events stored so far, of one partition or of each in turn, in the order of their arrival."""
        numbers = self._namespace.partitions if partition is None else [str(partition)]
        with self._namespace.lock:
            stored = [(number, self._namespace.partitions[number].entries()) for number in numbers]
        return [entry.read(int(number)) for number, entries in stored for entry in entries]

    async def _disconnect(self) -> None:
        for connection in tuple(self._namespace.connections):
            connection.close(b"amqp:connection:forced", "The connection was inactive and is closed by the hub.")

    async def _shut(self, server: asyncio.Server) -> None:
        server.close()
        await self._disconnect()
        server.abort_clients()  # those that don't read what was written to them
        await server.wait_closed()


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a hub until Ctrl-C; the first line it prints is its connection string."""
    parser = argparse.ArgumentParser(
        prog="python -m local.event_hub",
        description="Run a stand-in for an Event Hubs namespace with one hub, on this machine, until Ctrl-C.",
        epilog="Example: python -m local.event_hub --port 5672 --name flowlogs --partitions 4",
    )
    parser.add_argument("--name", default="flowlogs", help="the hub's name (default: %(default)s)")
    parser.add_argument("--port", type=int, default=5672, help="TCP port; 0 takes a free one (default: %(default)s)")
    parser.add_argument("--partitions", type=int, default=4, help="number of partitions (default: %(default)s)")
    parser.add_argument("--retain-bytes", type=int, help="most bytes to keep in a partition (default: everything)")
    options = parser.parse_args(arguments)
    hub = EventHub(options.name, port=options.port, partitions=options.partitions, retain_bytes=options.retain_bytes)
    try:
        hub.start()
    except OSError as error:
        sys.exit(f"can't listen on port {options.port}: {error.strerror}")
    with contextlib.suppress(KeyboardInterrupt):
        print(hub.connection_string, flush=True)
        print(f"Hub '{options.name}', {options.partitions} partitions. Ctrl-C ends it.", flush=True)
        while True:
            time.sleep(3600)
    hub.stop()
