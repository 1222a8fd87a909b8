"""Finding items of the quarantine, over the in-memory one."""

from datetime import UTC, datetime
from typing import Any

import pytest

from flowlog_core.decode.quarantine import QuarantineItem, StoredItem
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.errors import ItemGoneError
from flowlog_core.operations.quarantine.listing import (
    ItemSelection,
    UnreadableItem,
    items_of,
    listed_items,
    read_item,
    select_items,
)
from flowlog_core.source.blob import SourceBlob
from tests.support.memory import MemoryQuarantine, MemoryQuarantineStore

FOUND = datetime(2026, 11, 20, 23, 7, tzinfo=UTC)
PLACE = ("logs", "flows")


def hour_of(hour: int) -> datetime:
    return datetime(2026, 11, 20, hour, tzinfo=UTC)


def blob_of(hour: int, resource: str = "NET") -> SourceBlob:
    path = f"flowLogResourceID=/{resource}/{hour_of(hour):y=%Y/m=%m/d=%d/h=%H}/m=00/macAddress=00155D000001/PT1H.json"
    return SourceBlob(*PLACE, path)


def store_of(*items: QuarantineItem) -> MemoryQuarantineStore:
    quarantine = MemoryQuarantine()
    for item in items:
        quarantine.put(item, FOUND)
    return MemoryQuarantineStore(quarantine)


def item(blob: SourceBlob, offset: int = 12, reason: str = "a reason", **more: Any) -> QuarantineItem:
    return QuarantineItem(blob, offset, 7, 0xABC, reason, None, **more)


def found(store: MemoryQuarantineStore, **selection: Any) -> list[QuarantineItem]:
    selected = list(select_items(store, ItemSelection((PLACE,), **selection)))
    assert all(isinstance(each, StoredItem) for each in selected)
    return [each.item for each in selected if isinstance(each, StoredItem)]


def test_hours_are_told_from_names_alone_and_the_last_is_left_out() -> None:
    items = [item(blob_of(hour)) for hour in (20, 21, 22, 23)]
    selection = ItemSelection((PLACE,), since=hour_of(21), until=hour_of(23))

    assert [each.name for each in listed_items(store_of(*items), selection)] == [items[1].name, items[2].name]
    assert found(store_of(*items), since=hour_of(21), until=hour_of(23)) == items[1:3]


def test_without_a_first_hour_all_are_given_those_of_no_hour_included() -> None:
    odd, sound = item(SourceBlob(*PLACE, "NET/PT1H.json")), item(blob_of(22))

    assert found(store_of(odd, sound)) == [odd, sound]
    assert found(store_of(odd, sound), since=hour_of(0)) == [sound]


def test_the_hour_of_a_name_that_was_cut_is_told_by_its_document() -> None:
    early, late = (item(blob_of(hour, "r" * 1000)) for hour in (20, 22))

    assert len(list(listed_items(store_of(early, late), ItemSelection((PLACE,), since=hour_of(21))))) == 2
    assert found(store_of(early, late), since=hour_of(21)) == [late]
    assert found(store_of(early, late), prefix=late.blob.name) == [late]


def test_other_containers_and_prefixes_are_left_out() -> None:
    mine, other = item(blob_of(22)), item(blob_of(22, "OTHER"))
    store = store_of(mine, other, item(SourceBlob("logs", "flows2", blob_of(22).name)))

    assert found(store, prefix="flowLogResourceID=/NET/") == [mine]
    assert found(store) == [mine, other]


def test_a_reason_is_looked_for_in_the_tuples_and_in_what_remains() -> None:
    record = item(blob_of(20), reason="NSG flow log version 3 is not known")
    tuples = item(blob_of(21), reason="1 of 2 tuples give no flow", tuples=(RejectedTuple(1, "no Source port"),))
    rest = item(blob_of(22), remains=(item(blob_of(22), tuples=(RejectedTuple(0, "no source port"),)),))
    store = store_of(record, tuples, rest)

    assert found(store, reason="VERSION 3") == [record]
    assert found(store, reason="source PORT") == [tuples, rest]


def test_what_is_no_item_is_told_and_does_not_stop_the_others() -> None:
    store = store_of(item(blob_of(22)))
    store.quarantine.documents["logs/flows/a"] = b"{}"

    first, second = select_items(store, ItemSelection((PLACE,)))

    assert isinstance(first, UnreadableItem)
    assert (first.name, first.reason.startswith("logs/flows/a: not an item")) == ("logs/flows/a", True)
    assert isinstance(second, StoredItem)


def test_an_item_that_is_gone_since_the_listing_is_passed_over() -> None:
    items = [item(blob_of(hour)) for hour in (20, 21)]
    store = store_of(*items)
    selected = select_items(store, ItemSelection((PLACE,)))

    first = next(selected)
    store.delete(items[1].name)

    assert (first.name, list(selected)) == (items[0].name, [])
    with pytest.raises(ItemGoneError):
        read_item(store, items[1].name)


def test_the_items_of_one_blob_are_its_own() -> None:
    blob = SourceBlob(*PLACE, "a/PT1H.json")
    own = [item(blob, offset) for offset in (12, 300)]
    store = store_of(*own, item(SourceBlob(*PLACE, "a/PT1H.json/b")), item(SourceBlob(*PLACE, "a/PT1H.jsonx")))

    assert [each.item for each in items_of(store, blob) if isinstance(each, StoredItem)] == own
