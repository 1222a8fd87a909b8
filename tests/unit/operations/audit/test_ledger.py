"""The ledger: any tiling is complete in any order, and what is dropped or told again is found with its extent."""

import random
from collections.abc import Iterable, Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.events.event_properties import EventProperties
from flowlog_core.operations.audit.byte_ranges import EventPosition
from flowlog_core.operations.audit.ledger import Gap, Ledger
from flowlog_core.source.blob import ByteRange

BLOB = "account/container/name"

CUTS = st.lists(st.integers(1, 50), min_size=1, max_size=12)
"""Lengths of the ranges of a blob, from its start on."""

PARTS = st.lists(st.integers(1, 4), min_size=12, max_size=12)
"""How many events share each range."""

type Dealt = tuple[EventProperties, EventPosition]


def event(
    start: int, end: int, part: int = 0, parts: int = 1, *, flows: int = 1, quarantined: int = 0
) -> EventProperties:
    return EventProperties(
        blob=BLOB,
        generation=0,
        byte_range=ByteRange(start, end),
        part=part,
        parts=parts,
        flows=flows,
        quarantined=quarantined,
        first_id="first",
        last_id="last",
    )


def tiling(lengths: Sequence[int], parts: Sequence[int] = (1,) * 12, start: int = 0) -> list[EventProperties]:
    """The events of ranges with these lengths; each event of a range has another number of flows."""
    ends = [start]
    for length in lengths:
        ends.append(ends[-1] + length)
    ranges = zip(pairwise(ends), parts, strict=False)
    return [event(*byte_range, part, count, flows=part + 2) for byte_range, count in ranges for part in range(count)]


def in_turn(events: Sequence[EventProperties], partitions: int = 1) -> list[Dealt]:
    """Deal the events out to partitions in turn."""
    return [(event, EventPosition(str(at % partitions), at // partitions)) for at, event in enumerate(events)]


def interleaved(events: Sequence[EventProperties], partitions: int, seed: int) -> list[Dealt]:
    """Deal the events out to partitions, and read those in any order, but each by itself in its own."""
    chance = random.Random(seed)
    dealt = in_turn(events, partitions)
    queues = [dealt[number::partitions] for number in range(partitions)]
    order = [queue for queue in queues for _ in queue]
    chance.shuffle(order)
    return [queue.pop(0) for queue in order]


def entered(events: Iterable[Dealt], counted_to: int = 10**9) -> Ledger:
    ledger = Ledger(counted_to)
    for event, position in events:
        ledger.enter(event, position, after_all=True)
    return ledger


def missing(ledger: Ledger, end: int | None = None) -> list[tuple[int, int, tuple[int, ...], int]]:
    return [(*gap.byte_range, gap.missing, gap.parts) for gap in ledger.gaps(end)]


def again(ledger: Ledger) -> tuple[int, int, list[ByteRange]]:
    repeats = ledger.repeats()
    assert ledger.repeats() == repeats
    return repeats.events, repeats.flows, list(repeats.byte_ranges)


@given(lengths=CUTS, parts=PARTS, partitions=st.integers(1, 5), seed=st.integers(0, 10**6))
def test_any_tiling_is_complete_in_any_interleaving_of_partitions(
    lengths: list[int], parts: list[int], partitions: int, seed: int
) -> None:
    events = tiling(lengths, parts)
    end = sum(lengths)

    ledger = entered(interleaved(events, partitions, seed))

    assert (missing(ledger), again(ledger)) == ([], (0, 0, []))
    assert missing(ledger, end + 7) == [(end, end + 7, (), 0)]
    assert (ledger.events, ledger.announced) == (len(events), sum(event.flows for event in events))
    assert ledger.flows == ledger.announced


@given(lengths=CUTS, parts=PARTS, seed=st.integers(0, 10**6), dropped=st.integers(0, 10**6))
def test_any_event_that_is_dropped_leaves_a_gap_of_its_extent(
    lengths: list[int], parts: list[int], seed: int, dropped: int
) -> None:
    events = tiling(lengths, parts)
    lost = events.pop(dropped % len(events))

    ledger = entered(interleaved(events, 3, seed))

    gone = ((lost.part,), lost.parts) if lost.parts > 1 else ((), 0)
    assert missing(ledger, sum(lengths)) == [(*lost.byte_range, *gone)]
    assert again(ledger) == (0, 0, [])


@given(lengths=CUTS, parts=PARTS, seed=st.integers(0, 10**6), number=st.integers(0, 10**6))
def test_any_event_that_comes_again_is_a_repeat_of_its_extent(
    lengths: list[int], parts: list[int], seed: int, number: int
) -> None:
    events = tiling(lengths, parts)
    repeated = events[number % len(events)]

    ledger = entered(interleaved([*events, repeated], 3, seed))

    assert missing(ledger, sum(lengths)) == []
    assert again(ledger) == (1, repeated.flows, [repeated.byte_range])
    assert ledger.flows == sum(event.flows for event in events)


@given(before=CUTS, lost=CUTS, more=st.integers(1, 600), parts=PARTS, seed=st.integers(0, 10**6))
def test_what_is_cut_otherwise_after_a_crash_is_told_again_to_where_it_overlaps(
    before: list[int], lost: list[int], more: int, parts: list[int], seed: int
) -> None:
    committed = sum(before)
    end = committed + sum(lost) + more
    acknowledged = tiling(lost, parts, start=committed)
    first = [*tiling(before), *acknowledged]
    recut = event(committed, end, flows=sum(event.flows for event in acknowledged) + 100)

    ledger = entered(in_turn([*first, recut]), counted_to=end)

    assert missing(ledger, end) == []
    assert again(ledger) == (1, recut.flows, [ByteRange(committed, committed + sum(lost))])
    assert ledger.flows == sum(event.flows for event in first)
    shuffled = entered(interleaved([*first, recut], 3, seed), counted_to=end)
    assert missing(shuffled, end) == []
    assert again(shuffled)[2] == [ByteRange(committed, committed + sum(lost))]


def test_a_range_of_which_a_part_came_before_the_crash_is_told_again() -> None:
    events = [
        event(0, 10),
        event(10, 20, 0, 3, flows=5),
        event(10, 20, 1, 3, flows=6),
        event(10, 30),
    ]

    ledger = entered(in_turn(events))

    assert missing(ledger) == []
    assert again(ledger) == (2, 11, [ByteRange(10, 20)])


def test_a_range_in_parts_that_comes_again_in_another_cut_counts_with_all_its_events() -> None:
    ledger = entered(in_turn([event(0, 20), event(0, 40, 0, 2, flows=3), event(0, 40, 1, 2, flows=4)]))

    assert again(ledger) == (2, 7, [ByteRange(0, 20)])


def test_gaps_tell_the_events_before_and_behind_them_and_ranges_that_were_begun() -> None:
    events = [event(10, 20, 1, 2), event(30, 40, 0, 3), event(50, 60), event(70, 80)]

    ledger = entered(in_turn(events))

    positions = [EventPosition("0", number) for number in range(4)]
    assert list(ledger.gaps(90)) == [
        Gap(ByteRange(0, 10), None, positions[0]),
        Gap(ByteRange(10, 20), positions[0], None, (0,), 2, 1),
        Gap(ByteRange(20, 30), positions[0], positions[1]),
        Gap(ByteRange(30, 40), positions[1], None, (1, 2), 3, 2),
        Gap(ByteRange(40, 50), positions[1], positions[2]),
        Gap(ByteRange(60, 70), positions[2], positions[3]),
        Gap(ByteRange(80, 90), positions[3], None),
    ]
    assert ledger.partition == "0"


def test_repeats_side_by_side_are_one_and_tell_the_first_and_the_last_event() -> None:
    twice = [event(10, 20), event(20, 30), event(30, 40)]

    ledger = entered(in_turn([event(0, 10), *twice, event(40, 50), *twice, event(10, 20)]))

    assert again(ledger) == (4, 4, [ByteRange(10, 40)])
    assert ledger.repeats().byte_ranges.marks == [EventPosition("0", 5), EventPosition("0", 7)]


def test_what_is_told_beyond_the_checkpoint_is_not_counted() -> None:
    events = [
        event(0, 10, flows=1, quarantined=1),
        event(10, 20, flows=2, quarantined=3),
        event(20, 30, flows=4),
    ]

    ledger = entered(in_turn(events), counted_to=20)

    assert (ledger.flows, ledger.quarantined, ledger.announced) == (3, 4, 7)
    assert missing(ledger, 20) == []


def test_a_ledger_knows_from_where_on_nothing_can_be_gone_by_age() -> None:
    ledger = Ledger()
    ledger.enter(event(10, 20), EventPosition("0", 0), after_all=False)
    nothing = ledger.first
    ledger.enter(event(30, 40, 1, 2), EventPosition("0", 1), after_all=True)
    behind_the_part = ledger.first
    ledger.enter(event(20, 30), EventPosition("0", 2), after_all=True)

    assert nothing > 10**18
    assert (behind_the_part, ledger.first) == (40, 20)
