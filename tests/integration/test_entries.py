"""Listings of blobs, as a service answers them."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from azure.storage.blob import ContainerClient

from flowlog_core.adapters.storage.entries import Entry, list_entries
from flowlog_core.adapters.storage.transport import PooledTransport
from flowlog_core.errors import StorageError
from tests.support.answering_server import Answer, AnsweringServer

MODIFIED = datetime(2026, 11, 28, 20, 0, 1, tzinfo=UTC)
PROPERTIES = (
    "<Last-Modified>Sat, 28 Nov 2026 20:00:01 GMT</Last-Modified><Etag>0x8DE</Etag>"
    "<Content-Length>12</Content-Length><BlobType>BlockBlob</BlobType>"
)


@pytest.fixture
def transport() -> Iterator[PooledTransport]:
    with closing(PooledTransport(connection_timeout=10, read_timeout=10)) as made:
        yield made


def container(server: AnsweringServer, transport: PooledTransport) -> ContainerClient:
    return ContainerClient(
        f"{server.origin}/account",
        "logs",
        transport=transport,
        retry_total=1,
        initial_backoff=0,
        random_jitter_range=0,
    )


def page(*blobs: str, marker: str = "") -> Answer:
    text = "".join(f"<Blob>{blob}</Blob>" for blob in blobs)
    prefix = "<Prefix>flow/</Prefix>"
    xml = f"<EnumerationResults>{prefix}<Blobs>{text}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
    return Answer(xml.encode(), headers={"Content-Type": "application/xml"})


def blob(name: str, more: str = "", *, properties: str = PROPERTIES) -> str:
    return f"<Name>{name}</Name><Properties>{properties}</Properties>{more}"


def test_all_pages_are_listed_and_a_page_that_failed_is_asked_for_again(transport: PooledTransport) -> None:
    answers = [page(blob("a"), blob("b"), marker="next"), Answer(b"<Error/>", 503), page(blob("c"))]
    with AnsweringServer(*answers) as server:
        names = [each.name for each in list_entries(container(server, transport), "flow/")]

    assert names == ["a", "b", "c"]
    assert ["marker=next" in request for request, _ in server.requests] == [False, True, True]
    assert all("prefix=flow" in request for request, _ in server.requests)


def test_an_entry_has_what_the_listing_says(transport: PooledTransport) -> None:
    metadata = "<Metadata><offset>7</offset><empty /></Metadata>"
    archived = f"{PROPERTIES}<AccessTier>Archive</AccessTier>"
    with AnsweringServer(page(blob("\u00e4 &amp;%20", metadata), blob("b", properties=archived))) as server:
        entries = list(list_entries(container(server, transport), "", with_metadata=True))

    etag = '"0x8DE"'
    assert entries == [
        Entry("\u00e4 &%20", etag, 12, MODIFIED, archived=False, metadata={"offset": "7", "empty": ""}),
        Entry("b", etag, 12, MODIFIED, archived=True, metadata={}),
    ]
    assert "include=metadata" in server.requests[0][0]


def test_a_name_that_xml_cannot_hold_comes_encoded(transport: PooledTransport) -> None:
    encoded = f'<Name Encoded="true">a%EF%BF%BE%20b</Name><Properties>{PROPERTIES}</Properties>'
    with AnsweringServer(page(encoded)) as server:
        assert [each.name for each in list_entries(container(server, transport), "")] == ["a\ufffe b"]


@pytest.mark.parametrize("properties", ["", PROPERTIES.replace("12", "twelve"), PROPERTIES.replace("Sat, 28", "never")])
def test_an_entry_that_cannot_be_read_is_an_error(transport: PooledTransport, properties: str) -> None:
    with (
        AnsweringServer(page(blob("a", properties=properties))) as server,
        pytest.raises(StorageError, match="a listing can't be read"),
    ):
        list(list_entries(container(server, transport), ""))
