"""AMQP over WebSockets on this machine: an endpoint with TLS before a hub, and a proxy that leads to it.

The endpoint is the little of RFC 6455 that a client of Event Hubs needs: the opening handshake, binary messages,
pings, and the end. Each connection is piped to the hub's plain AMQP.
"""

import base64
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST: Final = "hub.example"
"""The namespace's host name, which only the proxy knows."""

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_PROTOCOL: Final = "AMQPWSB10"
_PATH: Final = "/$servicebus/websocket"
_BINARY, _CLOSE, _PING, _PONG = 2, 8, 9, 10
_CHUNK: Final = 65_536


class Certificate:
    """A certificate for `HOST` that is its own authority, in files."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.file = folder / "certificate.pem"
        self._key = folder / "key.pem"
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        encryption = serialization.NoEncryption()
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        self._key.write_bytes(private)

    def context(self) -> ssl.SSLContext:
        """Return what a server with this certificate needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self._key)
        return context


class _Server:
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


class WebSocketEndpoint(_Server):
    """Takes WebSockets with TLS for a hub on another port.

    Attributes:
        handshakes: How many connections were opened.

    """

    def __init__(self, hub_port: int, certificate: Certificate) -> None:
        super().__init__()
        self.handshakes = 0
        self._hub_port = hub_port
        self._context = certificate.context()

    def _serve(self, connection: socket.socket, stack: ExitStack) -> None:
        client = stack.enter_context(self._context.wrap_socket(connection, server_side=True))
        request, headers = _read_head(client)
        assert request.startswith(f"GET {_PATH}"), request
        assert headers["sec-websocket-protocol"] == _PROTOCOL
        accept = base64.b64encode(hashlib.sha1(headers["sec-websocket-key"].encode() + _GUID).digest())  # noqa: S324 # as the RFC says
        client.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: AMQPWSB10\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self.handshakes += 1
        hub = stack.enter_context(socket.create_connection(("127.0.0.1", self._hub_port)))
        writing = threading.Lock()

        def to_hub() -> None:
            while True:
                kind, payload = _read_frame(client)
                if kind == _CLOSE:
                    return
                if kind == _PING:
                    with writing:
                        client.sendall(_frame(_PONG, payload))
                elif kind != _PONG:
                    hub.sendall(payload)

        def to_client() -> None:
            while data := hub.recv(_CHUNK):
                with writing:
                    client.sendall(_frame(_BINARY, data))

        self._pipe((client, hub), to_hub, to_client)


class ConnectProxy(_Server):
    """An HTTP proxy that knows one host, and may want a name and a password.

    Attributes:
        asked: What it was asked to connect to.

    """

    def __init__(self, port: int, credentials: str | None = None) -> None:
        """Take the port that `HOST`:443 leads to, and ``name:password``."""
        super().__init__()
        self.asked: list[str] = []
        self._port = port
        self._wanted = credentials and "Basic " + base64.b64encode(credentials.encode()).decode()

    def _serve(self, connection: socket.socket, stack: ExitStack) -> None:
        request, headers = _read_head(connection)
        method, target, _ = request.split(" ")
        self.asked.append(f"{method} {target}")
        if self._wanted is not None and headers.get("proxy-authorization") != self._wanted:
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        if (method, target) != ("CONNECT", f"{HOST}:443"):
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        target_end = stack.enter_context(socket.create_connection(("127.0.0.1", self._port)))

        def way(source: socket.socket, sink: socket.socket) -> Callable[[], None]:
            def run() -> None:
                while data := source.recv(_CHUNK):
                    sink.sendall(data)

            return run

        self._pipe((connection, target_end), way(connection, target_end), way(target_end, connection))


def _read_head(connection: socket.socket) -> tuple[str, dict[str, str]]:
    """Read the head of an HTTP request: its first line, and its headers with names in lower case."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += _read(connection, 1)
    request, *lines = head.decode().strip().split("\r\n")
    return request, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _read_frame(connection: socket.socket) -> tuple[int, bytes]:
    """Read a frame: what it is, and its payload, unmasked."""
    first, second = _read(connection, 2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack(">H", _read(connection, 2))
    elif length == 127:
        (length,) = struct.unpack(">Q", _read(connection, 8))
    assert second & 0x80, "a client masks"
    mask = int.from_bytes(_read(connection, 4) * (length // 4 + 1))
    payload = _read(connection, length)
    padded = payload + bytes(-length % 4 + (4 if length % 4 == 0 else 0))
    return first & 0x0F, (int.from_bytes(padded) ^ mask).to_bytes(len(padded))[:length]


def _frame(kind: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        return struct.pack(">BB", 0x80 | kind, length) + payload
    if length < 1 << 16:
        return struct.pack(">BBH", 0x80 | kind, 126, length) + payload
    return struct.pack(">BBQ", 0x80 | kind, 127, length) + payload


def _read(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = connection.recv(min(size - len(data), _CHUNK))
        if not more:
            raise EOFError
        data += more
    return bytes(data)
