"""An HTTP proxy on this machine."""

import base64
import http.client
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from urllib.parse import urlsplit

from tests.support.socket_server import CHUNK, SocketServer, read, read_head

_OF_A_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class HttpProxy(SocketServer):
    """An HTTP proxy that leads to servers of this machine, and may want a name and a password.

    Attributes:
        asked: What it was asked for: the method, and the target of CONNECT or the URL.

    """

    def __init__(self, credentials: str | None = None, *, leads_to: Mapping[str, int] | None = None) -> None:
        """Take ``name:password``, and the ports that other targets of CONNECT lead to, such as ``hub.example:443``."""
        super().__init__()
        self.asked: list[str] = []
        self._leads_to = leads_to or {}
        self._wanted = credentials and "Basic " + base64.b64encode(credentials.encode()).decode()

    def _serve(self, connection: socket.socket, stack: ExitStack) -> None:
        while True:
            request, headers = read_head(connection)
            method, target, _ = request.split(" ")
            self.asked.append(f"{method} {target}")
            if self._wanted is not None and headers.pop("proxy-authorization", None) != self._wanted:
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            if method == "CONNECT":
                self._connect(connection, stack, target)
                return
            _pass_on(connection, method, target, headers)

    def _connect(self, connection: socket.socket, stack: ExitStack, target: str) -> None:
        host, _, port = target.partition(":")
        if host != "127.0.0.1" and target not in self._leads_to:
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        there = socket.create_connection(("127.0.0.1", self._leads_to.get(target) or int(port)))
        target_end = stack.enter_context(there)

        def way(source: socket.socket, sink: socket.socket) -> Callable[[], None]:
            def run() -> None:
                while data := source.recv(CHUNK):
                    sink.sendall(data)

            return run

        self._pipe((connection, target_end), way(connection, target_end), way(target_end, connection))


def _pass_on(connection: socket.socket, method: str, url: str, headers: Mapping[str, str]) -> None:
    """Make a request that is not tunnelled, and send its answer."""
    parts = urlsplit(url)
    body = read(connection, int(headers.get("content-length", 0)))
    server = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    server.request(method, parts._replace(scheme="", netloc="").geturl(), body, dict(headers))
    answer = server.getresponse()
    content = answer.read()
    server.close()
    length = (answer.getheader("Content-Length") if method == "HEAD" else None) or str(len(content))
    kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_A_CONNECTION]
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in kept)]
    connection.sendall("\r\n".join((*lines, f"Content-Length: {length}", "", "")).encode() + content)
