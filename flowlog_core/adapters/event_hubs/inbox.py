"""Where threads that receive hand their events to the one that reads."""

import threading
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from typing import Final, Protocol

from flowlog_core.operations.received_event import ReceivedEvent

_CAPACITY_BYTES: Final = 16 * 1024 * 1024
_WATCH_SECONDS: Final = 1.0


class Watched(Protocol):
    """What fills an inbox, and may have stopped without a word."""

    def watch(self) -> None:
        """See to it, or raise what the reader of the events is to know."""
        ...


class Inbox:
    """A queue of limited size, which ends when all that fill it have said so, or one of them fails."""

    def __init__(self, partitions: Iterable[str]) -> None:
        """Take the names of those that will fill it."""
        self._open = set(partitions)
        self._events: deque[ReceivedEvent] = deque()
        self._bytes = 0
        self._closed = False
        self._failure: Exception | None = None
        self._changed = threading.Condition()

    @property
    def closed(self) -> bool:
        """Whether nobody will read any more."""
        return self._closed

    def put(self, event: ReceivedEvent) -> None:
        """Add an event; wait while the inbox is full. Where nobody will read any more, it is dropped."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._bytes < _CAPACITY_BYTES)
            self._events.append(event)
            self._bytes += len(event.body)
            self._changed.notify_all()

    def finish(self, partition: str) -> None:
        """Say that no more will come of one partition."""
        with self._changed:
            self._open.discard(partition)
            self._changed.notify_all()

    def fail(self, error: Exception) -> None:
        """Have the reader raise an error, before whatever it has not read."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def close(self) -> None:
        """Say that nobody will read any more."""
        with self._changed:
            self._closed = True
            self._events.clear()
            self._changed.notify_all()

    def wait_closed(self, seconds: float) -> bool:
        """Wait for so long, or until nobody will read any more; tell whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, seconds)

    def events(self, watched: Sequence[Watched]) -> Generator[ReceivedEvent]:
        """Give the events as they come, those of a partition in their order; look after `watched` while none does."""
        while True:
            with self._changed:
                while not (self._events or self._failure) and self._open:
                    if not self._changed.wait(_WATCH_SECONDS):
                        for each in watched:
                            each.watch()
                if self._failure is not None:
                    raise self._failure
                if not self._events:
                    return
                event = self._events.popleft()
                self._bytes -= len(event.body)
                self._changed.notify_all()
            yield event
