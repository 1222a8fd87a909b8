"""AMQP over WebSockets on this machine: an endpoint with TLS before a hub.

The endpoint is the little of RFC 6455 that a client of Event Hubs needs: the opening handshake, binary messages,
pings, and the end. Each connection is piped to the hub's plain AMQP.
"""

import base64
import hashlib
import socket
import struct
import threading
from contextlib import ExitStack
from typing import Final

from tests.support.certificates import Certificate
from tests.support.socket_server import CHUNK, SocketServer, read, read_head

HOST: Final = "hub.example"
"""The namespace's host name, which only the proxy knows."""

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_PROTOCOL: Final = "AMQPWSB10"
_PATH: Final = "/$servicebus/websocket"
_BINARY, _CLOSE, _PING, _PONG = 2, 8, 9, 10


class WebSocketEndpoint(SocketServer):
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
        request, headers = read_head(client)
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
            while data := hub.recv(CHUNK):
                with writing:
                    client.sendall(_frame(_BINARY, data))

        self._pipe((client, hub), to_hub, to_client)


def _read_frame(connection: socket.socket) -> tuple[int, bytes]:
    """Read a frame: what it is, and its payload, unmasked."""
    first, second = read(connection, 2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack(">H", read(connection, 2))
    elif length == 127:
        (length,) = struct.unpack(">Q", read(connection, 8))
    assert second & 0x80, "a client masks"
    mask = int.from_bytes(read(connection, 4) * (length // 4 + 1))
    payload = read(connection, length)
    padded = payload + bytes(-length % 4 + (4 if length % 4 == 0 else 0))
    return first & 0x0F, (int.from_bytes(padded) ^ mask).to_bytes(len(padded))[:length]


def _frame(kind: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        return struct.pack(">BB", 0x80 | kind, length) + payload
    if length < 1 << 16:
        return struct.pack(">BBH", 0x80 | kind, 126, length) + payload
    return struct.pack(">BBQ", 0x80 | kind, 127, length) + payload
