"""Recovering flows of items whose bytes are still in their blob, over the in-memory adapters."""

import zlib
from typing import Any

from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.operations.quarantine.replay import MOST_BYTES, Recovered
from tests.support.flow_logs import VNET, document, nsg_record, vnet_record
from tests.unit.operations.quarantine.replaying import FOUND, TUPLE, Setup, forwarded


def by_reference(setup: Setup, data: bytes, raw: bytes, at: int, **more: Any) -> QuarantineItem:
    setup.blobs.put(VNET, data)
    values = {"raw": None, "length": len(raw), "crc": zlib.crc32(raw), "reason": "record over 3 bytes", **more}
    item = QuarantineItem(VNET, at, **values)
    setup.quarantine.put(item, FOUND)
    return item


def test_an_item_by_reference_is_read_again_from_its_blob() -> None:
    setup = Setup()
    record = vnet_record(4)
    data = document([vnet_record(1, number=1), record])
    item = by_reference(setup, data, record, data.index(record))

    assert setup.recover(item).flows == 4

    assert setup.flows() == forwarded(data)[1:]
    assert setup.blobs.reads == [(item.offset, item.length)]
    assert setup.left() == []


def test_an_item_by_reference_whose_rest_stays_has_no_bytes_still() -> None:
    setup = Setup()
    raw, mixed = b'{"time":1,' + vnet_record(4), nsg_record([TUPLE, "rubbish"])
    data = document([raw, mixed])
    items = by_reference(setup, data, raw, 12), by_reference(setup, data, mixed, 13 + len(raw))

    assert [setup.recover(item).flows for item in items] == [4, 1]

    left, other = setup.left()
    assert [(each.name, each.raw) for each in (left, other)] == [(item.name, None) for item in items]
    assert [(piece.offset, piece.length) for piece in left.remains] == [(12, 10)]
    assert [each.ordinal for each in other.tuples] == [1]
    assert setup.recover(left) == Recovered(left.name, 0, 1, left.remains[0].reason)


def test_an_item_by_reference_is_left_where_its_blob_changed_or_is_gone() -> None:
    setup = Setup()
    record = vnet_record(4)
    item = by_reference(setup, document([record]), record, 12)

    setup.blobs.put(VNET, document([vnet_record(4, number=1)]))
    changed = setup.recover(item)
    setup.blobs.put(VNET, document([]))
    shorter = setup.recover(item)
    setup.blobs.delete(VNET)
    gone = setup.recover(item)

    assert [each.remains for each in (changed, shorter, gone)] == [1, 1, 1]
    assert "no longer those" in str(changed.reason)
    assert "no longer those" in str(shorter.reason)
    assert "gone" in str(gone.reason)
    assert setup.left() == [item]
    assert setup.sink.events == []


def test_an_item_by_reference_that_is_too_long_is_not_read() -> None:
    setup = Setup()
    item = by_reference(setup, b"", b"", 12, length=MOST_BYTES + 1)

    assert "too many" in str(setup.recover(item).reason)
    assert setup.blobs.reads == []


def test_a_blob_that_was_no_flow_log_is_tried_again_from_its_start() -> None:
    setup = Setup()
    data = document([vnet_record(2)])
    item = by_reference(setup, data, data, 0)

    assert setup.recover(item).flows == 2
    assert setup.flows() == forwarded(data)

    still = b'{"rows":[]}' + b" " * 70_000
    item = by_reference(setup, still, still, 0, crc=zlib.crc32(still[: 64 * 1024]))
    assert setup.recover(item) == Recovered(item.name, 0, 1, item.reason)
