"""Items of the quarantine: their names, and documents that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.errors import QuarantineUnreadableError
from flowlog_core.operations.quarantine_store import ItemName, ItemsUnder, StoredItem, is_item_of
from flowlog_core.source.blob import SourceBlob

LEVELS = st.text("ab~/0.é", min_size=1, max_size=1100)


def item(name: str, offset: int = 12, crc: int = 0xABC) -> QuarantineItem:
    return QuarantineItem(SourceBlob("account", "container", name), offset, 7, crc, "a reason", b"{}")


@given(name=LEVELS, offset=st.integers(0, 2**63 - 1), crc=st.integers(0, 2**32 - 1), length=st.integers(0, 1100))
def test_an_item_is_found_under_any_beginning_of_its_blobs_name(name: str, offset: int, crc: int, length: int) -> None:
    put = item(name, offset, crc)
    under = ItemsUnder("account", "container", name[:length])

    assert put.name.startswith(under.prefix)
    assert put.name in under
    assert is_item_of(put.name, put.blob)
    read = ItemName.read(put.name)
    assert read is not None
    assert (read.offset, read.crc) == (offset, crc)
    assert read.blob in {put.blob, None}


def test_what_is_no_items_name_is_not_read() -> None:
    assert ItemName.read("account/container/a/PT1H.json") is None
    assert ItemName.read("README/12-00000abc.json") is None


def test_an_item_of_another_blob_is_not_under_a_prefix_though_both_are_long() -> None:
    long = "a" * 960  # longer than what a listing can ask for, and not cut
    assert f"{long}b" not in ItemsUnder("account", "container", f"{long}b").prefix
    assert item(f"{long}c").name.startswith(ItemsUnder("account", "container", f"{long}b").prefix)
    assert item(f"{long}c").name not in ItemsUnder("account", "container", f"{long}b")


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"blob":"no-container","raw":null,"rawEncoding":null}',
    ],
)
def test_a_document_that_is_no_item_is_told_by_its_name(document: bytes) -> None:
    with pytest.raises(QuarantineUnreadableError, match=r"^account/container/a/1-0\.json: not an item"):
        StoredItem.read("account/container/a/1-0.json", document)
