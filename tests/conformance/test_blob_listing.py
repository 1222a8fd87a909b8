"""What every listing of source blobs does."""

import uuid

import pytest

from flowlog_core.errors import BlobArchivedError
from flowlog_core.source.blob import SourceBlob
from tests.conformance.services import Services
from tests.conformance.test_blob_source import NAMES


def put(services: Services, *names: str) -> str:
    container = f"c{uuid.uuid4().hex}"
    for name in names:
        services.put(SourceBlob(services.account, container, name), name.encode())
    return container


def test_the_next_level_below_a_prefix_is_listed_without_what_is_below_it(services: Services) -> None:
    container = put(services, "a/b/c/1", "a/b/d/1", "a/b/d/2", "a/x", "b/1")

    assert list(services.listing.prefixes(services.account, container, "")) == ["a/", "b/"]
    assert list(services.listing.prefixes(services.account, container, "a/")) == ["a/b/"]
    assert list(services.listing.prefixes(services.account, container, "a/b/")) == ["a/b/c/", "a/b/d/"]
    assert list(services.listing.prefixes(services.account, container, "nothing/")) == []


def test_all_blobs_below_a_prefix_are_listed_as_reads_see_them(services: Services) -> None:
    container = put(services, "a/b/1", "a/b/2", "a/c/1")

    listed = list(services.listing.blobs(services.account, container, "a/b/"))

    assert [each.blob.name for each in listed] == ["a/b/1", "a/b/2"]
    for each in listed:
        chunk = services.source.read(each.blob, 0, 100)
        assert (each.etag, each.length) == (chunk.etag, chunk.length)
        assert each.modified.tzinfo is not None


def test_a_container_that_does_not_exist_is_empty(services: Services) -> None:
    container = f"c{uuid.uuid4().hex}"

    assert list(services.listing.prefixes(services.account, container, "")) == []
    assert list(services.listing.blobs(services.account, container, "")) == []


def test_an_archived_blob_is_told_as_such_and_cannot_be_read(services: Services) -> None:
    container = put(services, "a/1", "a/2")
    archived = SourceBlob(services.account, container, "a/2")
    services.archive(archived)

    listed = services.listing.blobs(services.account, container, "a/")

    assert {each.blob.name: each.archived for each in listed} == {"a/1": False, "a/2": True}
    with pytest.raises(BlobArchivedError):
        services.source.read(archived, 0, 10)
    with pytest.raises(BlobArchivedError):
        services.source.etag(archived)


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_are_listed_as_they_are_stored(services: Services, name: str) -> None:
    container = put(services, name)

    assert [each.blob.name for each in services.listing.blobs(services.account, container, "")] == [name]
    prefix = ""
    while children := list(services.listing.prefixes(services.account, container, prefix)):
        prefix = children[0]
    assert name.startswith(prefix)
    assert name.count("/") == prefix.count("/")
