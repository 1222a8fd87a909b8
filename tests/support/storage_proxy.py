"""A proxy before a blob service, which counts requests and bytes as they go over the wire, and fails on request."""

import http.client
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Self
from urllib.parse import parse_qs, unquote, urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
_META = "x-ms-meta-"


class Trouble(Enum):
    """What goes wrong with a request."""

    REFUSE = auto()  # 500, 503 or 429 without an effect
    FAIL = auto()  # 500 after the effect
    CUT_BEFORE = auto()  # the connection is cut without an effect
    CUT_AFTER = auto()  # the connection is cut after the effect
    DELAY = auto()
    CHANGED = auto()  # 412, where the request has a condition and only reads


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the service.

    Attributes:
        operation: Such as ``GET blob`` or ``PUT lease acquire``.
        container: The container; "" where there is none.
        blob: The blob's name in it; "" where there is none.
        metadata: The metadata that it sets.
    """

    operation: str
    container: str
    blob: str
    metadata: Mapping[str, str]

    @classmethod
    def read(cls, method: str, path: str, headers: Mapping[str, str]) -> Self:
        """Read a request to an emulator, whose paths begin with the account; keys of headers in lower case."""
        url = urlsplit(path)
        kind = parse_qs(url.query).get("comp", ["blob"])[0]
        action = headers.get("x-ms-lease-action", "")
        _, _, container, blob, *_ = [*url.path.split("/", 3), "", ""]
        metadata = {key.removeprefix(_META): value for key, value in headers.items() if key.startswith(_META)}
        return cls(" ".join(word for word in (method, kind, action) if word), container, unquote(blob), metadata)


class StorageProxy:
    """Forwards to a blob service on this machine; a context manager.

    Attributes:
        trouble: Asked for each request what goes wrong with it, if anything; the request waits for the answer.
        requests: Operation and container to number of requests.
        body_bytes: Likewise, to bytes of the answers' bodies.
    """

    def __init__(self, connection_string: str) -> None:
        """Take the connection string of the service."""
        parts = dict(part.split("=", 1) for part in connection_string.split(";") if part)
        self._endpoint = urlsplit(parts["BlobEndpoint"])
        self._parts = parts
        self.requests: Counter[tuple[str, str]] = Counter()
        self.body_bytes: Counter[tuple[str, str]] = Counter()
        self.trouble: Callable[[Request], Trouble | None] = lambda _: None
        self._lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def connection_string(self) -> str:
        """Leads to the service by way of this proxy."""
        endpoint = self._endpoint._replace(netloc=f"127.0.0.1:{self._server.server_port}").geturl()
        return ";".join(f"{key}={value}" for key, value in {**self._parts, "BlobEndpoint": endpoint}.items())

    def reset(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self.requests.clear()
            self.body_bytes.clear()

    def count(self, request: Request, body_bytes: int) -> None:
        """Count one request."""
        with self._lock:
            self.requests[request.operation, request.container] += 1
            self.body_bytes[request.operation, request.container] += body_bytes

    def pass_on(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Make the request to the service; give its answer and the answer's body."""
        connection = http.client.HTTPConnection(self._endpoint.hostname or "", self._endpoint.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), OSError):  # a client that was killed
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as they came


class _Handler(BaseHTTPRequestHandler):
    owner: ClassVar[StorageProxy]
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {key: value for key, value in self.headers.items() if key.lower() not in _HOP_BY_HOP}
        if body or self.command in {"PUT", "POST"}:
            headers["Content-Length"] = str(len(body))
        request = Request.read(self.command, self.path, {key.lower(): value for key, value in headers.items()})
        trouble = self.owner.trouble(request)
        if trouble is Trouble.CUT_BEFORE:
            self.close_connection = True
            return
        if trouble is Trouble.REFUSE:
            self._fail(random.choice([500, 503, 429]))
            return
        if trouble is Trouble.CHANGED and self.command == "GET" and self.headers.get("If-Match"):
            self._fail(412)
            return
        if trouble is Trouble.DELAY:
            threading.Event().wait(random.uniform(0.05, 0.5))
        answer, content = self.owner.pass_on(self.command, self.path, headers, body)
        if trouble is Trouble.CUT_AFTER:
            self.close_connection = True
            return
        if trouble is Trouble.FAIL:
            self._fail(500)
            return
        self.owner.count(request, len(content))
        self.send_response_only(answer.status, answer.reason)
        for key, value in answer.getheaders():
            if key.lower() not in _HOP_BY_HOP:
                self.send_header(key, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        self.wfile.write(content)

    def _fail(self, status: int) -> None:
        self.send_response_only(status, "simulated")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any  # noqa: N815 # names that the base class looks for

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 # the base class's name for it
        """Keep quiet."""
