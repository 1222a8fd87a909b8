"""The overflow item: what it lists, in bounded memory, comes back as it was, and a rerun lists the same."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.overflow import Overflow, OverflowEntry, OverflowLimits, StoredOverflow
from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.errors import QuarantineUnreadableError
from tests.support.flow_logs import VNET

NOW = datetime(2026, 11, 20, 23, 0, 1, tzinfo=UTC)
LIMITS = OverflowLimits(entries=5, ordinals=8)


@st.composite
def things(draw: st.DrawFn) -> list[OverflowEntry]:
    """What can't be decoded of a blob, in order."""
    found, at = [], 12
    for _ in range(draw(st.integers(1, 12))):
        start = at + draw(st.integers(0, 9))
        at = start + draw(st.integers(1, 50))
        ordinals = tuple(sorted(draw(st.sets(st.integers(0, 9), max_size=4))))
        found.append(OverflowEntry(start, at, ordinals or None, len(ordinals) or draw(st.integers(1, 9))))
    return found


def listed(entries: list[OverflowEntry], limits: OverflowLimits = LIMITS) -> Overflow:
    overflow = Overflow(VNET, 2, entries[0].start, 0xABC)
    for entry in entries:
        overflow.add(entry, limits)
    return overflow


@given(things())
def test_an_overflow_item_comes_back_as_it_was_written(entries: list[OverflowEntry]) -> None:
    overflow = listed(entries)

    stored = StoredOverflow.read(overflow.name, overflow.document(NOW), '"1"')

    assert (stored.overflow, stored.time, stored.etag, stored.disagreement) == (overflow, NOW, '"1"', None)


@given(things())
def test_it_lists_all_that_was_added_within_its_limits(entries: list[OverflowEntry]) -> None:
    overflow = listed(entries)

    assert overflow.count == sum(entry.count for entry in entries)
    assert len(overflow.entries) <= LIMITS.entries
    assert sum(len(entry.ordinals or ()) for entry in overflow.entries) <= LIMITS.ordinals
    for entry in entries:
        (by,) = [each for each in overflow.entries if each.start <= entry.start and entry.end <= each.end]
        assert by == entry or by.coarse
    assert listed(entries, OverflowLimits()).entries == entries


@given(things(), st.data())
def test_a_rerun_from_any_place_lists_the_same(entries: list[OverflowEntry], data: st.DataObject) -> None:
    begin, end = sorted(data.draw(st.tuples(st.integers(0, len(entries)), st.integers(0, len(entries)))))
    overflow = listed(entries[: max(end, 1)])

    for entry in entries[begin:]:
        overflow.add(entry, LIMITS)

    assert overflow == listed(entries)


@given(things(), st.data())
def test_what_was_added_since_a_replay_read_it_remains(entries: list[OverflowEntry], data: st.DataObject) -> None:
    read = entries[: data.draw(st.integers(1, len(entries)))]

    left = listed(entries).without(listed(read).entries)

    assert sum(entry.count for entry in entries) - sum(entry.count for entry in read) == left.count
    for entry in entries[len(read) :]:
        assert any(each.start <= entry.start and entry.end <= each.end for each in left.entries)


def item(*tuples: RejectedTuple) -> QuarantineItem:
    return QuarantineItem(VNET, 12, 30, 0, "a reason", None, tuples)


def test_a_record_is_listed_by_its_tuples_unless_they_cannot_be_counted_or_are_too_many() -> None:
    two = (RejectedTuple(1, "bad"), RejectedTuple(4, "bad"))
    level = RejectedTuple(None, "no rule", "/properties/flows/1")

    assert OverflowEntry.of(item(*two), LIMITS).columns == [12, 42, [1, 4]]
    assert OverflowEntry.of(item(), LIMITS).columns == [12, 42, None]
    assert OverflowEntry.of(item(*two, level), LIMITS).columns == [12, 42, None, 3, "coarse"]
    assert OverflowEntry.of(item(*two), OverflowLimits(ordinals=1)).columns == [12, 42, None, 2, "coarse"]


@pytest.mark.parametrize(
    "changed",
    [
        {"entries": [[12, 12, None]]},
        {"entries": [[12, 42]]},
        {"entries": [[12, 42, [1], 7]]},
        {"entries": [[12, 42, None, 0]]},
        {"entries": [[12, 42, None, 2, "fine"]]},
        {"blob": "x"},
        {"crc": None},
        {"time": "yesterday"},
    ],
)
def test_what_no_run_would_have_written_is_not_read(changed: dict[str, object]) -> None:
    overflow = listed([OverflowEntry(12, 42, None, 1)])
    fields = orjson.loads(overflow.document(NOW)) | changed

    with pytest.raises(QuarantineUnreadableError, match="not an overflow item"):
        StoredOverflow.read(overflow.name, orjson.dumps(fields), "")


def test_a_name_that_is_another_one_or_entries_out_of_order_disagree() -> None:
    overflow = listed([OverflowEntry(12, 42, None, 1), OverflowEntry(50, 60, None, 1)])
    other = StoredOverflow.read(f"x{overflow.name}", overflow.document(NOW), "")
    assert other.disagreement == f"the content is that of {overflow.name}"

    overflow.entries.reverse()
    assert StoredOverflow.read(overflow.name, overflow.document(NOW), "").disagreement == "its entries are not in order"
