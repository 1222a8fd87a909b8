"""A server of raw connections on this machine, and what reads from them."""

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Final, Self

CHUNK: Final = 65_536


class SocketServer:
    """Serves each connection in a thread of its own; a context manager.

    Attributes:
        port: On 127.0.0.1.

    """

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for each in tuple(self._open):
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _start(self, call: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=call, name=type(self).__name__, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                connection, _ = self._listening.accept()
                self._start(lambda connection=connection: self._run(connection))  # type: ignore[misc]  # bound at once

    def _run(self, connection: socket.socket) -> None:
        with ExitStack() as stack, suppress(OSError, EOFError):  # whoever leaves
            self._serve(stack.enter_context(connection), stack)

    def _serve(self, connection: socket.socket, stack: ExitStack) -> None:
        raise NotImplementedError

    def _pipe(self, ends: tuple[socket.socket, socket.socket], *ways: Callable[[], None]) -> None:
        """Run both ways of a connection until either ends, and then close both ends."""
        self._open.update(ends)

        def run(way: Callable[[], None]) -> None:
            with suppress(OSError, EOFError):
                way()
            # Not the method of a TLS socket: it would take the session away from the thread that reads by it.
            for each in ends:
                with suppress(OSError):
                    socket.socket.shutdown(each, socket.SHUT_RDWR)

        threads = [self._start(lambda way=way: run(way)) for way in ways]  # type: ignore[misc]  # bound at once
        for thread in threads:
            thread.join()
        self._open.difference_update(ends)


def read_head(connection: socket.socket) -> tuple[str, dict[str, str]]:
    """Read the head of an HTTP request: its first line, and its headers with names in lower case."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read(connection, 1)
    request, *lines = head.decode().strip().split("\r\n")
    return request, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def read(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = connection.recv(min(size - len(data), CHUNK))
        if not more:
            raise EOFError
        data += more
    return bytes(data)
