"""For every range, the flows of all parts and what is in quarantine are all that it holds, whatever its records are."""

from collections import defaultdict
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.events.event_properties import EventProperties
from flowlog_core.events.packer import EventFormat
from flowlog_core.forwarding.options import ForwardOptions
from tests.support import oracle
from tests.support.faulty_records import changed_records
from tests.support.flow_logs import CLOSER, OPENER, VNET, vnet_record
from tests.support.forwarding import SMALL_EVENTS, Setup
from tests.unit.events.packing import FORMATS

MALFORMED = b"null,"


@st.composite
def logs(draw: st.DrawFn) -> list[bytes]:
    """Records of a log, each with what is malformed before it: that ends only where a sound record begins."""
    records = []
    for number in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["changed", "sound", "after malformed bytes", "large", "unknown"]))
        sound = vnet_record(60 if kind == "large" else 2, number=number)
        if kind == "changed":
            records.append(draw(changed_records()))
        elif kind == "unknown":
            records.append(sound.replace(b'"flowLogVersion":4', b'"flowLogVersion":5'))
        else:
            records.append(MALFORMED * (kind == "after malformed bytes") + sound)
    return records


def held(records: list[bytes]) -> dict[int, int]:
    """For each record the offset of its end, and what it counts for, malformed bytes before it included."""
    counts, offset = {}, len(OPENER)
    for written in records:
        record = written.removeprefix(MALFORMED)
        reading = oracle.read(record, offset, VNET.path)
        counts[offset + len(written)] = (1 if reading is None else reading.tuples) + (record != written)
        offset += len(written) + 1
    return counts


@given(
    records=logs(),
    appends=st.lists(st.integers(1, 6), max_size=4),
    chunk=st.sampled_from([150, 1000, 1_000_000]),
    format_=st.sampled_from(FORMATS),
)
def test_the_sum_holds_for_every_range_however_the_log_is_cut(
    records: list[bytes], appends: list[int], chunk: int, format_: EventFormat
) -> None:
    setup = Setup(ForwardOptions(replace(SMALL_EVENTS, format=format_), start="all", chunk_bytes=chunk))
    for count in sorted({*(each for each in appends if each < len(records)), len(records)}):
        setup.blobs.put(VNET, OPENER + b",".join(records[:count]) + CLOSER)
        setup.forward()
    ranges: dict[tuple[int, int], list[EventProperties]] = defaultdict(list)
    for event, _ in setup.sink.events:
        properties = EventProperties.read(event.properties)
        assert properties is not None
        ranges[properties.byte_range.start, properties.byte_range.end].append(properties)
    counts = held(records)
    for (start, last), parts in ranges.items():
        inside = sum(count for end, count in counts.items() if start < end <= last)
        assert {(each.tuples, each.quarantined) for each in parts} == {(inside, parts[0].quarantined)}
        assert sum(each.flows for each in parts) + parts[0].quarantined == inside
    checkpoint = setup.checkpoints.stored(VNET)
    after = sum(count for end, count in counts.items() if end > checkpoint.range_end)
    assert checkpoint.pending_quarantined == after
