"""A stand-in for an Event Hubs namespace, for local runs and for tests. It is not the service.

The azure-eventhub client (5.15.1, its own AMQP; sync and aio) talks to it unchanged, over plain AMQP on the loopback.
It covers sending (single events and batches, to the hub or to a partition, by key or in turn), receiving from a
partition (from the start, the end, an offset, a sequence number or a time; any number of receivers), the two management
reads, the size limit, and faults on request. Keys go to the partition that the client's own copy of the service's hash
chooses.

It doesn't cover: TLS, checking of credentials (any key will do), owner levels of receivers, the last enqueued event's
properties on a received event, message annotations other than the partition key, throughput units (but see `Faults`),
quotas, retention by time, durability (events live in memory), the idle limit of 240 s (but see `close_connections`),
Kafka, HTTPS, and other clients than azure-eventhub for Python.

Microsoft's emulator or a real hub does as well: set the connection string to theirs.
"""

import asyncio
import threading
from collections.abc import Sequence
from typing import Self

from local.event_hub.amqp_connection import Connection
from local.event_hub.faults import Faults
from local.event_hub.hub import Hub
from local.event_hub.namespace import Counters, Namespace
from local.event_hub.partition import StoredEvent

__all__ = ["Counters", "EventHub", "Faults", "StoredEvent"]


class EventHub:
    """A hub on 127.0.0.1, served from a thread of its own while started (or entered as a context).

    There may be others in its namespace. It can be started again after a stop, with its events, on the port it had.

    Attributes:
        name: The hub's name.
        port: TCP port; where 0 was given, a free one, known once started.
        faults: Switches that make it misbehave.

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
        others: Sequence[str] = (),
    ) -> None:
        """Make a hub that isn't running.

        `max_message_bytes` is the largest message (a batch, or an event by itself), as encoded; links announce it.
        `retain_bytes` is what a partition keeps at most, apart from its newest event; None keeps everything.
        `others` are the names of further hubs in its namespace, each made as this one.
        """
        self.name = name
        self.port = port
        self._hub, *further = [Hub(each, partitions, consumer_groups, retain_bytes) for each in (name, *others)]
        self._namespace = Namespace([self._hub, *further], max_message_bytes)
        self.faults = self._namespace.faults
        self._connections: set[Connection] = set()
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

    @property
    def connections(self) -> int:
        """Number of open connections."""
        return len(self._connections)

    def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        if self._running:
            raise RuntimeError("the hub is running already")
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name=f"event hub {self.name}", daemon=True)
        thread.start()
        listening = loop.create_server(lambda: Connection(self._namespace, self._connections), "127.0.0.1", self.port)
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
        """Count what has happened so far, in the others of its namespace as well."""
        return self._namespace.count()

    def events(self, partition: int | None = None) -> list[StoredEvent]:
        """Return the events that this hub stored so far, of one partition or of each, in the order of their arrival."""
        numbers = self._hub.partitions if partition is None else [str(partition)]
        with self._namespace.lock:
            stored = [(number, self._hub.partitions[number].entries()) for number in numbers]
        return [entry.read(int(number)) for number, entries in stored for entry in entries]

    async def _disconnect(self) -> None:
        for connection in tuple(self._connections):
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
