"""How far a pass has come: what may be committed is never ahead of what is acknowledged or in quarantine."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.tuple_counts import TupleCounts
from flowlog_core.events.packer import Event, PackedRange
from flowlog_core.forwarding.checkpoint import Checkpoint, fingerprint_of
from flowlog_core.forwarding.progress import Progress

EVENT = Event(b"", "application/x-ndjson", None, {})


@dataclass
class Model:
    """What a pass did, as lists: the truth that a progress is compared with."""

    items: list[tuple[int, int, int]] = field(default_factory=list)  # end, flows, quarantined
    ranges: list[tuple[int, int]] = field(default_factory=list)  # items that are packed with it, events
    acknowledged: int = 0

    def reached(self) -> tuple[int, int, int, int]:
        """Return offset, flows, events and quarantined of the checkpoint that may be committed."""
        events, items = 0, 0
        for packed_items, count in self.ranges:
            if events + count > self.acknowledged:
                break
            events, items = events + count, packed_items
        packed = self.ranges[-1][0] if self.ranges else 0
        everything = sum(count for _, count in self.ranges) == self.acknowledged
        if everything and not any(flows for _, flows, _ in self.items[packed:]):
            items = len(self.items)
        end = self.items[items - 1][0] if items else 0
        done = self.items[:items]
        return end, sum(flows for _, flows, _ in done), events, sum(bad for _, _, bad in done)


@given(st.lists(st.tuples(st.sampled_from(["item", "pack", "acknowledge"]), st.integers(0, 3), st.integers(0, 2))))
def test_what_may_be_committed_is_what_is_acknowledged_in_any_order_of_events(
    steps: list[tuple[str, int, int]],
) -> None:
    progress, model, open_flows = Progress(Checkpoint()), Model(), 0
    for kind, count, bad in steps:
        packed = sum(events for _, events in model.ranges)
        if kind == "item":
            end = 100 * (len(model.items) + 1)
            progress.count(TupleCounts(count + bad, bad))
            progress.read(end, b"x" * end, records=1, flows=count)
            model.items.append((end, count, bad))
            open_flows += count
        elif kind == "pack" and open_flows:
            events = count + 1
            end = model.items[-1][0]
            progress.pack(PackedRange(end, open_flows, progress.pending, (EVENT,) * events))
            model.ranges.append((len(model.items), events))
            open_flows = 0
        elif kind == "acknowledge":
            events = min(count, packed - model.acknowledged)
            progress.acknowledge(events)
            model.acknowledged += events
        reached = progress.reached
        assert (reached.offset, reached.flows, reached.events, reached.quarantined) == model.reached()
        assert reached.fingerprint == (fingerprint_of(b"x" * reached.offset) if reached.offset else "")
        assert reached.range_end <= reached.offset
        packed_items = max([0, *(items for items, _ in model.ranges)])
        after = model.items[packed_items:]
        assert progress.pending == TupleCounts(
            sum(flows + bad for _, flows, bad in after), sum(bad for *_, bad in after)
        )


def test_a_pass_that_goes_on_from_a_checkpoint_has_what_no_range_accounted_for() -> None:
    progress = Progress(Checkpoint())
    progress.count(TupleCounts(5, 5))
    progress.read(100, b"x", records=1, flows=0)

    resumed = Progress(progress.reached)

    assert resumed.pending == progress.pending == TupleCounts(5, 5)


def test_a_commit_is_due_only_where_something_has_moved() -> None:
    progress = Progress(Checkpoint())
    assert not progress.has_moved

    progress.begin_snapshot('"1"', 200)
    progress.read(100, b"x", records=1, flows=0)
    assert progress.has_moved

    progress.commit(progress.reached)
    assert not progress.has_moved


def test_a_range_is_begun_from_its_first_acknowledged_event_to_its_last() -> None:
    progress = Progress(Checkpoint())
    progress.read(100, b"x", records=1, flows=9)
    progress.pack(PackedRange(100, 9, TupleCounts(9), (EVENT,) * 3))

    begun = []
    for _ in range(3):
        progress.acknowledge(1)
        begun.append(progress.in_range)

    assert begun == [True, True, False]


def test_of_a_checkpoint_that_another_run_took_nothing_is_committed() -> None:
    progress = Progress(Checkpoint())
    progress.begin_snapshot('"1"', 200)
    progress.read(100, b"x", records=1, flows=0)

    progress.lose()

    assert not progress.has_moved


def test_a_rewritten_blob_begins_at_its_start_with_nothing_counted_but_what_the_pass_did() -> None:
    progress = Progress(Checkpoint(offset=500, range_end=400, flows=7, generation=2))

    progress.begin_generation()

    assert progress.reached == Checkpoint(generation=3)
    assert progress.range_start == 0
