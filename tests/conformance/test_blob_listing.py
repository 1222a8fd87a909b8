"""What every listing of source blobs does."""

import uuid

import pytest

from flowlog_core.errors import StorageError
from flowlog_core.source.blob import SourceBlob
from tests.conformance.test_blob_source import NAMES
from tests.conformance.world import World


def put(world: World, *names: str) -> str:
    container = f"c{uuid.uuid4().hex}"
    for name in names:
        world.put(SourceBlob(world.account, container, name), name.encode())
    return container


def test_the_next_level_below_a_prefix_is_listed_without_what_is_below_it(world: World) -> None:
    container = put(world, "a/b/c/1", "a/b/d/1", "a/b/d/2", "a/x", "b/1")

    assert list(world.listing.prefixes(world.account, container, "")) == ["a/", "b/"]
    assert list(world.listing.prefixes(world.account, container, "a/")) == ["a/b/"]
    assert list(world.listing.prefixes(world.account, container, "a/b/")) == ["a/b/c/", "a/b/d/"]
    assert list(world.listing.prefixes(world.account, container, "nothing/")) == []


def test_all_blobs_below_a_prefix_are_listed_as_reads_see_them(world: World) -> None:
    container = put(world, "a/b/1", "a/b/2", "a/c/1")

    listed = list(world.listing.blobs(world.account, container, "a/b/"))

    assert [each.blob.name for each in listed] == ["a/b/1", "a/b/2"]
    for each in listed:
        chunk = world.source.read(each.blob, 0, 100)
        assert (each.etag, each.length) == (chunk.etag, chunk.length)
        assert each.modified.tzinfo is not None


def test_a_container_that_does_not_exist_is_empty(world: World) -> None:
    container = f"c{uuid.uuid4().hex}"

    assert list(world.listing.prefixes(world.account, container, "")) == []
    assert list(world.listing.blobs(world.account, container, "")) == []


def test_an_archived_blob_is_told_as_such_and_cannot_be_read(world: World) -> None:
    container = put(world, "a/1", "a/2")
    archived = SourceBlob(world.account, container, "a/2")
    world.archive(archived)

    listed = world.listing.blobs(world.account, container, "a/")

    assert {each.blob.name: each.archived for each in listed} == {"a/1": False, "a/2": True}
    with pytest.raises(StorageError):
        world.source.read(archived, 0, 10)


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_are_listed_as_they_are_stored(world: World, name: str) -> None:
    container = put(world, name)

    assert [each.blob.name for each in world.listing.blobs(world.account, container, "")] == [name]
    prefix = ""
    while children := list(world.listing.prefixes(world.account, container, prefix)):
        prefix = children[0]
    assert name.startswith(prefix)
    assert name.count("/") == prefix.count("/")
