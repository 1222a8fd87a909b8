"""What every quarantine does for whoever reads it."""

import uuid
from datetime import UTC, datetime

import pytest

from flowlog_core.decode.overflow import Overflow, OverflowEntry
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.errors import ItemChangedError, ItemGoneError
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import NAME_LIMIT, ItemName, is_item_of
from tests.conformance.services import Services
from tests.conformance.test_blob_source import NAMES

NOW = datetime(2026, 11, 20, 23, 0, 1, tzinfo=UTC)
HOURS = "flowLogResourceID=/NET/y=2026/m=11/d=20/"
LONG = "/".join(["flowLogResourceID=", *["level" * 40] * 5, "y=2026/m=11/d=20/h=23/m=00/macAddress=00155D123456"])


@pytest.fixture
def container() -> str:
    """A container of its own, as quarantine is one for all."""
    return f"c{uuid.uuid4().hex}"


def item(container: str, name: str = "a/PT1H.json", offset: int = 12, raw: bytes | None = b'{"a":1}') -> QuarantineItem:
    blob = SourceBlob("account", container, name)
    return QuarantineItem(
        blob,
        offset,
        7,
        0xABC,
        "a reason",
        raw,
        (RejectedTuple(3, "no source port"), RejectedTuple(None, "no rule", "/properties/flows/1")),
    )


@pytest.mark.parametrize("raw", [b'{"a":"\\u00fc"}', "{ü".encode(), b"\xff\xfe", None])
def test_an_item_is_read_as_it_was_put(services: Services, container: str, raw: bytes | None) -> None:
    put = item(container, raw=raw)
    services.quarantine.put(put, NOW)

    stored = services.quarantine_store.get(put.name)

    assert (stored.name, stored.item, stored.time) == (put.name, put, NOW)


def test_what_remains_of_an_item_is_read_as_it_was_put(services: Services, container: str) -> None:
    complete = item(container)
    pieces = (
        QuarantineItem(complete.blob, 12, 3, 0xDEF, "not valid JSON", None),
        QuarantineItem(complete.blob, 15, 4, 0xCDE, "1 of 2 tuples", None, (RejectedTuple(1, "no time stamp"),)),
    )
    put = QuarantineItem(complete.blob, 12, 7, 0xABC, "a reason", b'{"a":1}', remains=pieces)
    services.quarantine.put(put, NOW)

    assert services.quarantine_store.get(put.name).item == put


@pytest.mark.parametrize("name", NAMES)
def test_items_of_blobs_with_odd_names_are_listed_and_read(services: Services, container: str, name: str) -> None:
    put = item(container, name)
    services.quarantine.put(put, NOW)

    (listed,) = services.quarantine_store.items("account", container, name)

    assert (listed.name, listed.size) == (put.name, len(put.document(NOW)))
    assert listed.modified.tzinfo is not None
    assert services.quarantine_store.get(listed.name).item == put
    assert is_item_of(listed.name, put.blob)


def test_only_items_under_a_prefix_are_listed_in_the_order_of_their_names(services: Services, container: str) -> None:
    names = [f"{HOURS}h={hour:02d}/m=00/macAddress=00155D123456/PT1H.json" for hour in (3, 2, 12)]
    put = [item(container, name, offset) for name in names for offset in (12, 500)]
    for each in put:
        services.quarantine.put(each, NOW)
    services.quarantine.put(item(f"{container}x"), NOW)

    def listed(under: str) -> list[str]:
        return [each.name for each in services.quarantine_store.items("account", container, under)]

    assert listed("") == sorted(each.name for each in put)
    assert listed(f"{HOURS}h=0") == sorted(each.name for each in put if "h=0" in each.name)
    assert listed(names[0]) == [put[0].name, put[1].name]
    assert listed("other") == []


def test_a_name_tells_the_blob_and_the_place(services: Services, container: str) -> None:
    put = item(container, f"{HOURS}h=23/m=00/macAddress=00155D123456/PT1H.json", 4711)
    services.quarantine.put(put, NOW)

    (listed,) = services.quarantine_store.items("account", container, HOURS)

    assert ItemName.read(listed.name) == ItemName(put.blob, 4711, 0xABC)
    assert not is_item_of(listed.name, SourceBlob("account", container, f"{put.blob.name}x"))


def test_an_item_whose_name_was_cut_is_found_by_what_its_blob_is_called(services: Services, container: str) -> None:
    names = [f"{LONG}/PT1H.json", f"{LONG}9/PT1H.json"]
    blobs = [SourceBlob("account", container, name) for name in names]
    for name in names:
        services.quarantine.put(item(container, name), NOW)
    services.quarantine.put(item(container, "short/PT1H.json"), NOW)

    found = [each.name for each in services.quarantine_store.items("account", container, names[0])]

    assert len(found) == 2
    assert all(len(name) == NAME_LIMIT for name in found)
    assert [is_item_of(name, blobs[0]) for name in found].count(True) == 1
    for name in found:
        read = ItemName.read(name)
        assert read is not None
        assert (read.blob, read.offset) == (None, 12)
    assert {services.quarantine_store.get(name).item.blob for name in found} == set(blobs)


def test_an_item_that_is_taken_out_is_gone(services: Services, container: str) -> None:
    put = item(container)
    services.quarantine.put(put, NOW)

    services.quarantine_store.delete(put.name)
    services.quarantine_store.delete(put.name)

    assert list(services.quarantine_store.items("account", container, "")) == []
    with pytest.raises(ItemGoneError, match="no such item"):
        services.quarantine_store.get(put.name)


def overflow(container: str, *entries: OverflowEntry) -> Overflow:
    made = Overflow(SourceBlob("account", container, "a/PT1H.json"), 1, 4711, 0xABC)
    for entry in entries:
        made.add(entry)
    return made


FIRST, SECOND = OverflowEntry(4711, 4800, (1, 3), 2), OverflowEntry(4900, 5000, None, 7, coarse=True)


def test_an_overflow_item_is_read_as_it_was_put_and_listed_with_the_others(services: Services, container: str) -> None:
    put = overflow(container, FIRST, SECOND)
    assert services.quarantine.overflow(put.name) is None

    etag = services.quarantine.put_overflow(put, NOW, None)

    stored = services.quarantine_store.overflow(put.name)
    assert stored is not None
    assert (stored.name, stored.overflow, stored.time, stored.etag) == (put.name, put, NOW, etag)
    (listed,) = services.quarantine_store.items("account", container, "a/")
    assert ItemName.read(listed.name) == ItemName(put.blob, 4711, None, 1)
    assert is_item_of(listed.name, put.blob)


def test_an_overflow_item_is_written_only_over_the_one_that_was_read(services: Services, container: str) -> None:
    first, both = overflow(container, FIRST), overflow(container, FIRST, SECOND)
    read = services.quarantine.put_overflow(first, NOW, None)
    written = services.quarantine.put_overflow(both, NOW, read)
    for etag in (None, read):
        with pytest.raises(ItemChangedError):
            services.quarantine.put_overflow(first, NOW, etag)
    with pytest.raises(ItemChangedError):
        services.quarantine_store.delete_overflow(both.name, read)

    services.quarantine_store.delete_overflow(both.name, written)

    assert services.quarantine_store.overflow(both.name) is None
    with pytest.raises(ItemChangedError):
        services.quarantine_store.delete_overflow(both.name, written)
    with pytest.raises(ItemChangedError):
        services.quarantine.put_overflow(first, NOW, written)
