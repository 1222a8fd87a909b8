"""Quarantine has a ceiling: neighbours are one item, and what comes after a blob's most items is one list."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.overflow import OverflowLimits
from flowlog_core.decode.quarantine import MOST_MERGED
from flowlog_core.errors import StorageError
from flowlog_core.forwarding.options import ForwardOptions, QuarantineLimits
from tests.support.flow_logs import CLOSER, OPENER, VNET, document, nsg_record, vnet_record
from tests.support.forwarding import SMALL_EVENTS, Setup, assert_tiles

GOOD = "1795000000,10.0.0.4,10.1.0.1,1024,443,T,O,A,B,,,,"
FEW = QuarantineLimits(items=2, overflow=OverflowLimits(entries=3, ordinals=100))
UNKNOWN = nsg_record([], version=9)


def limited(limits: QuarantineLimits = FEW, **options: int) -> Setup:
    return Setup(ForwardOptions(SMALL_EVENTS, start="all", quarantine=limits, **options))  # type: ignore[arg-type]  # ints


def mixed(number: int) -> bytes:
    """A record with one sound tuple, and one that is none."""
    return nsg_record([GOOD, f"rubbish {number}"])


def entries(setup: Setup) -> list[list[object]]:
    (stored,) = setup.quarantine.overflows()
    assert stored.disagreement is None
    return [entry.columns for entry in stored.overflow.entries]


def places(records: list[bytes]) -> list[tuple[int, int]]:
    """Start and end of each record of a document."""
    starts = [len(OPENER) + sum(len(each) + 1 for each in records[:number]) for number in range(len(records))]
    return [(start, start + len(record)) for start, record in zip(starts, records, strict=True)]


# Neighbours are one item.


def test_two_thousand_empty_objects_are_one_item_and_one_line_of_log() -> None:
    setup = Setup()
    flood = b"{}," * 2000
    setup.blobs.put(VNET, OPENER + flood + vnet_record(3) + CLOSER)

    report = setup.forward()

    (item,) = setup.quarantine.items.values()
    assert (item.offset, item.raw, item.count) == (len(OPENER), flood[:-1], 2000)
    assert (setup.quarantine.puts, report.quarantined, report.flows) == (1, 2000, 3)
    (logged,) = setup.log.of("flowlog.quarantined")
    assert (logged["items"], logged["count"], logged["length"]) == (1, 2000, len(flood) - 1)
    assert [(event.properties["tuples"], event.properties["quarantined"]) for event, _ in setup.sink.events] == [
        (2003, 2000)
    ]


@given(
    kinds=st.lists(st.sampled_from(["sound", "empty", "unknown", "malformed", "mixed", "far"]), max_size=12),
    chunk=st.integers(1, 3000),
)
def test_the_same_bytes_are_the_same_items_in_whatever_chunks_they_come(kinds: list[str], chunk: int) -> None:
    made = {"empty": b"{}", "unknown": UNKNOWN, "malformed": b"null", "mixed": mixed(1), "far": b" " * 600 + b"{}"}
    data = document([*(made.get(kind) or vnet_record(1, number=at) for at, kind in enumerate(kinds)), vnet_record(2)])
    setups = [limited(QuarantineLimits(3), chunk_bytes=size) for size in (chunk, 1_000_000)]
    for setup in setups:
        setup.blobs.put(VNET, data)
        setup.forward()

    cut, complete = (setup.quarantine for setup in setups)
    assert cut.items == complete.items
    assert [each.overflow for each in cut.overflows()] == [each.overflow for each in complete.overflows()]
    for item in cut.items.values():
        assert item.raw is None or item.raw == data[item.offset : item.offset + item.length]
        assert item.crc == zlib.crc32(item.raw or b"")
    kept = sum(item.count for item in cut.items.values()) + sum(each.overflow.count for each in cut.overflows())
    assert kept == setups[0].checkpoints.stored(VNET).quarantined


def test_an_item_has_so_many_neighbours_at_most_and_so_many_bytes() -> None:
    setup = Setup()
    setup.blobs.put(VNET, document([b"{}"] * (MOST_MERGED + 1) + [b'{"x":"%s"}' % (b"x" * 600_000)] * 2))

    setup.forward()

    items = sorted(setup.quarantine.items.values(), key=lambda item: item.offset)
    assert [item.count for item in items] == [MOST_MERGED, 2, 1]


# What comes after the most items is one more.


def test_what_comes_after_the_most_items_is_listed_in_one_more() -> None:
    records = [mixed(number) for number in range(4)] + [vnet_record(1), UNKNOWN]
    setup = limited()
    setup.blobs.put(VNET, document(records))

    report = setup.forward()

    assert len(setup.quarantine.items) == 2
    (start, end), (other_start, other_end), (unknown_start, unknown_end) = (places(records)[at] for at in (2, 3, 5))
    assert entries(setup) == [[start, end, [1]], [other_start, other_end, [1]], [unknown_start, unknown_end, None]]
    assert [*setup.quarantine.etags] == [f"{VNET.path}/0-{start}-overflow.json"]
    checkpoint = setup.checkpoints.stored(VNET)
    assert (checkpoint.items, checkpoint.overflow, checkpoint.quarantined) == (2, start, 5)
    assert (report.flows, report.quarantined) == (5, 5)
    (logged,) = setup.log.of("flowlog.quarantined")
    assert (logged["items"], logged["count"], logged["overflow"]) == (2, 5, True)


def test_a_hostile_blob_costs_a_thousand_uploads_and_few_for_the_rest() -> None:
    setup = Setup(ForwardOptions(SMALL_EVENTS, start="all"))
    tiny = nsg_record([GOOD, "x"])
    setup.blobs.put(VNET, document([tiny] * 3000))

    report = setup.forward()

    assert len(setup.quarantine.items) == 1000
    assert len(entries(setup)) == 2000
    assert setup.quarantine.puts < 1000 + 3000 / 20  # one with each batch of events and each commit
    assert (report.flows, report.quarantined) == (3000, 3000)
    assert sum(len(str(line)) for line in setup.log.lines) < 2000


def test_what_is_more_than_an_overflow_item_lists_extends_its_last_entry() -> None:
    records = [mixed(number) for number in range(8)]
    setup = limited()
    setup.blobs.put(VNET, document(records))

    setup.forward()

    at = places(records)
    assert entries(setup) == [[*at[2], [1]], [*at[3], [1]], [at[4][0], at[7][1], None, 4, "coarse"]]


def test_the_next_append_goes_on_with_the_list_and_a_rewritten_blob_begins_anew() -> None:
    setup = limited()
    records = [mixed(0), mixed(1), mixed(2)]
    for count in (1, 2, 3):
        setup.blobs.put(VNET, document(records[:count]))
        setup.forward()
    assert entries(setup) == [[*places(records)[2], [1]]]

    setup.blobs.put(VNET, document([mixed(7)] * 4))
    setup.forward()

    first, second = (stored.overflow for stored in setup.quarantine.overflows())
    assert ((first.generation, first.count), (second.generation, second.count)) == ((0, 1), (1, 2))
    checkpoint = setup.checkpoints.stored(VNET)
    assert (checkpoint.generation, checkpoint.items, checkpoint.overflow) == (1, 2, second.offset)


# Whatever fails, nothing is left out and nothing comes twice.


def test_a_rerun_after_a_crash_writes_the_same_list() -> None:
    setup = limited()
    setup.blobs.put(VNET, document([mixed(number) for number in range(6)]))
    setup.forward()
    before = entries(setup)

    setup.checkpoints.write(VNET, {})  # nothing was committed
    setup.forward()

    assert entries(setup) == before


def test_where_the_list_cannot_be_written_nothing_after_it_is_sent() -> None:
    setup = limited()
    setup.blobs.put(VNET, document([mixed(number) for number in range(3)] + [vnet_record(100, number=5)]))
    refused = [True]

    def refuse() -> None:
        if refused:
            raise StorageError("full")

    setup.quarantine.before_overflow = refuse
    for _ in range(2):
        try:
            setup.forwarder.forward(VNET)
        except StorageError:
            continue
    refused.clear()
    setup.forwarder.forward(VNET)

    ids = [flow["id"] for flow in setup.flows()]
    assert len(ids) == len(set(ids)) == 103
    assert len(entries(setup)) == 1
    assert_tiles(setup.ranges(), setup.checkpoints.stored(VNET).offset)


def test_where_the_list_of_a_blobs_last_records_cannot_be_written_they_are_not_committed() -> None:
    setup = limited(QuarantineLimits(items=0))
    setup.blobs.put(VNET, document([UNKNOWN]))
    setup.quarantine.full = True

    with pytest.raises(StorageError):
        setup.forward()

    assert setup.checkpoints.stored(VNET).overflow is None
    setup.quarantine.full = False
    setup.forward()
    ((start, end),) = places([UNKNOWN])
    assert entries(setup) == [[start, end, None]]


def test_what_somebody_else_writes_into_the_list_meanwhile_is_kept() -> None:
    setup = limited()
    setup.blobs.put(VNET, document([mixed(0), mixed(1), mixed(2)]))
    setup.forward()
    name = next(iter(setup.quarantine.etags))
    other = setup.new_forwarder()

    def take_out() -> None:  # as a replay does between our reading and writing
        setup.quarantine.before_overflow = lambda: None
        setup.quarantine.delete_overflow(name, setup.quarantine.etags[name])

    setup.quarantine.before_overflow = take_out
    setup.blobs.put(VNET, document([mixed(0), mixed(1), mixed(2), mixed(3)]))
    other.forward(VNET)

    assert entries(setup) == [[*places([mixed(number) for number in range(4)])[3], [1]]]
