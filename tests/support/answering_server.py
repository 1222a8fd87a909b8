"""An HTTP server on this machine that answers as a test says, well or not."""

import socket
import struct
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Literal

from tests.support.socket_server import SocketServer, read, read_head

_RESET = struct.pack("ii", 1, 0)  # closing drops what was not sent, and resets the connection


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        body: What is sent of its body.
        status: Its status.
        length: What it says of its body's length; None for the truth.
        headers: Further headers.
        then: What becomes of the connection. Where it waits, or is dropped, nothing is sent, not even the head.

    """

    body: bytes = b""
    status: int = 200
    length: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    then: Literal["keep", "close", "reset", "wait", "drop"] = "keep"

    def data(self) -> bytes:
        """Return the answer as it is sent."""
        length = len(self.body) if self.length is None else self.length
        lines = [f"{name}: {value}" for name, value in ({"Content-Length": str(length)} | self.headers).items()]
        return "\r\n".join((f"HTTP/1.1 {self.status} So it is", *lines, "", "")).encode() + self.body


class AnsweringServer(SocketServer):
    """Answers one request after the other, whatever the connection; the last answer again and again.

    Attributes:
        connections: How many were made.
        requests: The requests: their first lines, and their headers with names in lower case.
        left: Is set once a client has closed a connection.

    """

    def __init__(self, *answers: Answer) -> None:
        super().__init__()
        self.connections = 0
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.left = threading.Event()
        self._answers = answers
        self._lock = threading.Lock()
        self._end = threading.Event()

    @property
    def origin(self) -> str:
        """Its URL, without a path."""
        return f"http://127.0.0.1:{self.port}"

    def __exit__(self, *_: object) -> None:
        self._end.set()
        super().__exit__()

    def _serve(self, connection: socket.socket, stack: ExitStack) -> None:
        self._open.add(connection)
        with self._lock:
            self.connections += 1
        while True:
            try:
                request, headers = read_head(connection)
            except (EOFError, OSError):
                self.left.set()
                raise
            read(connection, int(headers.get("content-length", 0)))
            with self._lock:
                self.requests.append((request, headers))
                answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
            if answer.then == "wait":
                self._end.wait(30)
            if answer.then in {"wait", "drop"}:
                return
            connection.sendall(answer.data())
            if answer.then == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            if answer.then != "keep":
                return
