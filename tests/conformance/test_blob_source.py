"""What every blob source does."""

import uuid

import pytest

from flowlog_core.errors import BlobChangedError, BlobGoneError
from flowlog_core.source.blob import SourceBlob
from tests.conformance.services import Services

NAMES = [
    "plain/PT1H.json",
    "with space/and+plus/100%/a%2Fb/PT1H.json",
    "résumé/名前/?question&amp#hash/PT1H.json",
    "quote'\"[brackets]{braces};semi,comma/PT1H.json",
    "/".join(["level" * 40] * 5) + "/PT1H.json",
]


def blob_of(services: Services, name: str = "a/PT1H.json") -> SourceBlob:
    return SourceBlob(services.account, f"c{uuid.uuid4().hex}", name)


def test_a_read_gives_the_range_and_tells_etag_and_length_of_the_whole(services: Services) -> None:
    blob = blob_of(services)
    services.put(blob, b"0123456789")

    chunk = services.source.read(blob, 3, 4)

    assert (chunk.data, chunk.length) == (b"3456", 10)
    assert chunk.etag == services.source.etag(blob)


def test_a_read_that_asks_for_more_than_there_is_gives_what_there_is(services: Services) -> None:
    blob = blob_of(services)
    services.put(blob, b"0123456789")

    assert services.source.read(blob, 8, 1000).data == b"89"


@pytest.mark.parametrize("start", [0, 10, 11, 5000])
def test_a_read_from_behind_the_end_gives_nothing_and_the_length(services: Services, start: int) -> None:
    blob = blob_of(services)
    data = b"0123456789" if start else b""
    services.put(blob, data)

    chunk = services.source.read(blob, start, 100)

    assert (chunk.data, chunk.length) == (b"", len(data))
    assert chunk.etag == services.source.etag(blob)


def test_a_read_of_a_snapshot_fails_once_the_blob_has_changed(services: Services) -> None:
    blob = blob_of(services)
    services.put(blob, b"0123456789")
    etag = services.source.read(blob, 0, 5).etag
    assert services.source.read(blob, 5, 5, etag=etag).data == b"56789"

    services.put(blob, b"0123456789ab")

    with pytest.raises(BlobChangedError):
        services.source.read(blob, 5, 5, etag=etag)


def test_a_missing_blob_is_gone_for_a_read_and_for_a_look(services: Services) -> None:
    blob = blob_of(services)
    with pytest.raises(BlobGoneError):
        services.source.read(blob, 0, 5)

    services.put(blob, b"0123456789")
    services.delete(blob)

    with pytest.raises(BlobGoneError):
        services.source.read(blob, 0, 5)
    with pytest.raises(BlobGoneError):
        services.source.etag(blob)


@pytest.mark.parametrize("name", NAMES)
def test_names_with_odd_characters_are_read_as_they_are_stored(services: Services, name: str) -> None:
    blob = blob_of(services, name)
    services.put(blob, b"content of " + name.encode())

    assert services.source.read(blob, 0, 2000).data == b"content of " + name.encode()
