"""The transport of storage's clients, against servers that answer well and badly."""

import gzip
import socket
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import pytest
from azure.core.exceptions import (
    DecodeError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.rest import HttpRequest
from azure.storage.blob import BlobClient

from flowlog_core.adapters.storage.transport import PooledTransport
from tests.support.answering_server import Answer, AnsweringServer

MEBIBYTE = 1024 * 1024
FOUND = {"ETag": '"1"', "x-ms-blob-type": "BlockBlob", "Last-Modified": "Sat, 28 Nov 2026 20:00:00 GMT"}


@pytest.fixture
def transport() -> Iterator[PooledTransport]:
    with closing(PooledTransport(connection_timeout=10, read_timeout=10)) as made:
        yield made


def blob(server: AnsweringServer, transport: PooledTransport) -> BlobClient:
    """Return a client that tries three times, without a pause."""
    retries: dict[str, Any] = {"retry_total": 2, "initial_backoff": 0, "increment_base": 0, "random_jitter_range": 0}
    return BlobClient(f"{server.origin}/account", "logs", "PT1H.json", transport=transport, **retries)


def part(data: bytes, **more: object) -> Answer:
    """Answer a read of ten bytes."""
    headers = FOUND | {"Content-Range": "bytes 0-9/10"}
    return Answer(data, 206, 10, headers, **more)  # type: ignore[arg-type]  # as they are


def get(server: AnsweringServer, path: str = "/") -> HttpRequest:
    return HttpRequest("GET", server.origin + path)


def test_many_requests_need_one_connection(transport: PooledTransport) -> None:
    with AnsweringServer(Answer(b"content")) as server:
        bodies = [transport.send(get(server, f"/{number}?a=b%2Fc")).body() for number in range(20)]

    assert bodies == [b"content"] * 20
    assert server.requests[3][0] == "GET /3?a=b%2Fc HTTP/1.1"
    assert (len(server.requests), server.connections) == (20, 1)


def test_threads_have_a_connection_each_and_leave_it_to_others(transport: PooledTransport) -> None:
    with AnsweringServer(Answer(b"content")) as server, ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: transport.send(get(server)), range(160)))
        opened = server.connections
        list(threads.map(lambda _: transport.send(get(server)), range(160)))

    assert 1 <= opened <= server.connections <= 16
    assert len(server.requests) == 320


def test_streamed_bodies_and_errors_leave_their_connection_to_the_next_request(transport: PooledTransport) -> None:
    answers = [Answer(b"error", 503), Answer(b"content"), Answer(b"content")]
    with AnsweringServer(*answers) as server:
        transport.send(get(server), stream=True)  # as a client leaves it that tries again
        list(transport.send(get(server), stream=True).stream_download(None))
        transport.send(get(server))

    assert (len(server.requests), server.connections) == (3, 1)


def test_a_streamed_body_is_held_block_by_block(transport: PooledTransport) -> None:
    with AnsweringServer(Answer(bytes(32 * MEBIBYTE))) as server:
        tracemalloc.start()
        try:
            held = tracemalloc.get_traced_memory()[0]
            sizes = [len(block) for block in transport.send(get(server), stream=True).stream_download(None)]
            most = tracemalloc.get_traced_memory()[1] - held
        finally:
            tracemalloc.stop()

    assert sum(sizes) == 32 * MEBIBYTE
    assert max(sizes) <= MEBIBYTE // 4
    assert most < 33 * MEBIBYTE  # of which the server has 32


@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_body_that_ends_early_is_read_again(transport: PooledTransport, then: str) -> None:
    with AnsweringServer(part(b"01234", then=then), part(b"0123456789")) as server:
        data = blob(server, transport).download_blob(0, 10).readall()

    assert data == b"0123456789"
    assert len(server.requests) == 2


@pytest.mark.parametrize("stream", [True, False])
def test_a_body_that_ends_early_is_told_from_a_connection_that_is_reset(
    transport: PooledTransport, *, stream: bool
) -> None:
    with AnsweringServer(part(b"01234", then="close"), part(b"01234", then="reset")) as server:
        with pytest.raises(IncompleteReadError):
            list(transport.send(get(server), stream=stream).stream_download(None))
        with pytest.raises(ServiceResponseError):
            list(transport.send(get(server), stream=stream).stream_download(None))


def test_a_service_that_is_busy_is_asked_again(transport: PooledTransport) -> None:
    with AnsweringServer(Answer(status=503), Answer(status=500), Answer(headers=FOUND)) as server:
        properties = blob(server, transport).get_blob_properties()

    assert properties.etag == '"1"'
    assert [request for request, _ in server.requests] == ["HEAD /account/logs/PT1H.json HTTP/1.1"] * 3


def test_a_connection_that_was_closed_between_requests_is_replaced(transport: PooledTransport) -> None:
    with AnsweringServer(Answer(headers=FOUND, then="close"), Answer(headers=FOUND)) as server:
        for _ in range(2):
            blob(server, transport).get_blob_properties()

    assert len(server.requests) == server.connections == 2


def test_the_transport_itself_neither_tries_again_nor_follows(transport: PooledTransport) -> None:
    elsewhere = Answer(status=302, headers={"Location": "/elsewhere"})
    with AnsweringServer(elsewhere, Answer(status=503)) as server:
        assert [transport.send(get(server)).status_code for _ in range(2)] == [302, 503]

    assert len(server.requests) == 2


def test_a_connection_that_ends_before_the_answer_is_an_error_of_the_answer(transport: PooledTransport) -> None:
    with AnsweringServer(Answer(then="drop")) as server, pytest.raises(ServiceResponseError):
        transport.send(get(server))


def test_an_answer_that_does_not_come_is_a_time_out_of_the_answer(transport: PooledTransport) -> None:
    with AnsweringServer(Answer(then="wait")) as server, pytest.raises(ServiceResponseTimeoutError):
        transport.send(get(server), read_timeout=0.1)


def test_a_body_that_does_not_come_is_a_time_out_of_the_answer() -> None:
    with (
        AnsweringServer(Answer(b"01234", length=10)) as server,
        closing(PooledTransport(connection_timeout=10, read_timeout=0.1)) as transport,
        pytest.raises(ServiceResponseTimeoutError),
    ):
        list(transport.send(get(server), stream=True).stream_download(None))


def test_a_host_that_does_not_answer_is_a_time_out_of_the_request(transport: PooledTransport) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as stack:
        for _ in range(3):  # the kernel takes no more
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)  # the only way to say it
            waiting.connect_ex(full.getsockname())
        request = HttpRequest("GET", f"http://127.0.0.1:{full.getsockname()[1]}/")
        with pytest.raises(ServiceRequestTimeoutError):
            transport.send(request, connection_timeout=0.1)


def test_a_host_that_refuses_is_an_error_of_the_request(transport: PooledTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"

    with pytest.raises(ServiceRequestError) as raised:
        transport.send(HttpRequest("GET", url))
    assert not isinstance(raised.value, ServiceRequestTimeoutError)


def test_a_request_without_a_body_says_so_where_one_is_expected(transport: PooledTransport) -> None:
    with AnsweringServer(Answer(status=201)) as server:
        for content in (None, b"", b"four"):
            transport.send(HttpRequest("PUT", server.origin, content=content))

    assert [headers["content-length"] for _, headers in server.requests] == ["0", "0", "4"]


def test_a_body_with_an_encoding_is_decoded_unless_it_is_asked_for_as_it_is(transport: PooledTransport) -> None:
    encoded = gzip.compress(b"content")
    with AnsweringServer(Answer(encoded, headers={"Content-Encoding": "gzip"})) as server:
        kinds = [
            transport.send(get(server), stream=True).stream_download(None, decompress=each) for each in (True, False)
        ]

        assert [b"".join(each) for each in kinds] == [b"content", encoded]

    with AnsweringServer(Answer(b"none", headers={"Content-Encoding": "gzip"})) as server, pytest.raises(DecodeError):
        transport.send(get(server))


def test_an_answer_that_is_no_http_is_an_error_of_the_answer(transport: PooledTransport) -> None:
    with AnsweringServer(Answer(status=10)) as server, pytest.raises(ServiceResponseError):
        transport.send(get(server))


def test_closing_closes_the_connections(transport: PooledTransport) -> None:
    with AnsweringServer(Answer(b"content")) as server:
        transport.send(get(server))
        transport.close()

        assert server.left.wait(10)
