"""A transport for clients of azure-core, straight over urllib3: over requests, each request takes twice as long."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import IncompleteRead
from types import TracebackType
from typing import Any, Final
from urllib.parse import urlsplit

from azure.core.exceptions import (
    AzureError,
    DecodeError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.pipeline.transport import HttpResponse, HttpTransport
from azure.core.rest import HttpRequest
from urllib3 import BaseHTTPResponse, Timeout
from urllib3 import exceptions as urllib3

from flowlog_core.adapters.storage.connection_pools import ConnectionPools

_BLOCK_BYTES: Final = 256 * 1024  # of a streamed body at once, as azure-storage-blob has it
_ERROR: Final = 400

# The first that fits counts, in this order since some are kinds of the next. With none of them, nothing was received.
_ERRORS: Final[tuple[tuple[type[Exception], type[AzureError]], ...]] = (
    (urllib3.NewConnectionError, ServiceRequestError),
    (urllib3.ConnectTimeoutError, ServiceRequestTimeoutError),
    (urllib3.ReadTimeoutError, ServiceResponseTimeoutError),
    (IncompleteRead, IncompleteReadError),
    (urllib3.ProtocolError, ServiceResponseError),
    (urllib3.DecodeError, DecodeError),
)


class PooledTransport(HttpTransport[HttpRequest, HttpResponse]):
    """Sends each request once and follows no redirect: the client's policies do both. Thread-safe."""

    def __init__(self, *, connection_timeout: float, read_timeout: float) -> None:
        """Take how many seconds a connection may take, and each read of an answer."""
        self._connection_timeout = connection_timeout
        self._read_timeout = read_timeout
        self._pools = ConnectionPools()

    def open(self) -> None:
        """Do nothing: connections are opened when first used."""

    def close(self) -> None:
        """Close the connections."""
        self._pools.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def send(  # type: ignore[override]  # of the base's `**kwargs`, those that are known
        self,
        request: HttpRequest,
        *,
        stream: bool = False,
        connection_timeout: float | None = None,
        read_timeout: float | None = None,
    ) -> "PooledResponse":
        """Send a request, and return the answer; its body is read already unless it is streamed.

        The body of an error is read in any case: a client that tries again would leave it, and with it the connection.

        Raises:
            AzureError: As `azure.core.pipeline.transport.RequestsTransport` has it.
            StorageError: The environment names a proxy or certificates that can't be used.

        """
        parts = urlsplit(request.url)
        pool = self._pools.find(f"{parts.scheme}://{parts.netloc}")
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        with _azure_errors():
            answer = pool.urlopen(
                request.method,
                request.url if pool.proxy is not None and parts.scheme == "http" else target,
                body=request.content,
                headers=dict(request.headers),
                retries=False,
                redirect=False,
                assert_same_host=False,  # the pool of an http request through a proxy is the proxy's
                timeout=Timeout(
                    connect=connection_timeout or self._connection_timeout, read=read_timeout or self._read_timeout
                ),
                preload_content=False,
            )
            if not stream or answer.status >= _ERROR:
                answer.data  # noqa: B018 # reads it, and puts the connection back into the pool
        return PooledResponse(request, answer)


class PooledResponse(HttpResponse):
    """An answer, as the clients of azure-storage-blob use it."""

    def __init__(self, request: HttpRequest, answer: BaseHTTPResponse) -> None:
        """Take an answer."""
        super().__init__(request, answer, _BLOCK_BYTES)  # type: ignore[arg-type]  # clients send the newer kind
        self.status_code = answer.status
        self.headers = answer.headers
        self.reason = answer.reason
        self.content_type = answer.headers.get("Content-Type")

    def body(self) -> bytes:
        """Return the body; it is kept."""
        with _azure_errors():
            return bytes(self.internal_response.data)

    read = body  # by this name clients read what is streamed and is an error

    def stream_download(  # type: ignore[override]  # of the base's `**kwargs`, the one that is known
        self,
        pipeline: object,  # noqa: ARG002  # the base's, which nobody needs
        *,
        decompress: bool = True,
    ) -> "Download":
        """Return the body in blocks, with `decompress` as they were before its Content-Encoding."""
        return Download(self, self._read_blocks(decompress=decompress))

    def _read_blocks(self, *, decompress: bool) -> Iterator[bytes]:
        with _azure_errors():
            yield from self.internal_response.stream(self.block_size, decode_content=decompress)


class Download(Iterator[bytes]):
    """The body of an answer in blocks. Clients set further attributes.

    Attributes:
        response: The answer.
        content_length: Its length in bytes as its header says; 0 where it says nothing.

    """

    def __init__(self, response: PooledResponse, blocks: Iterator[bytes]) -> None:
        """Take an answer, and its blocks."""
        self.response = response
        self.content_length = int(response.headers.get("Content-Length", 0))
        self._blocks = blocks

    def __next__(self) -> bytes:
        """Return the next block."""
        return next(self._blocks)


@contextmanager
def _azure_errors() -> Iterator[None]:
    """Turn urllib3's errors into those by which the client's policies decide whether to try again."""
    try:
        yield
    except urllib3.HTTPError as error:
        causes = (error, *error.args)  # a body that ended early is within an error of its own
        found = (to for kind, to in _ERRORS if any(isinstance(cause, kind) for cause in causes))
        made: Any = next(found, ServiceRequestError)
        raise made(error, error=error) from error
