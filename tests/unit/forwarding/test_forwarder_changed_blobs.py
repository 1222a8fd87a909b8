"""The forwarder, where a blob is rewritten, vanishes or grows."""

from collections.abc import Callable
from typing import Any

import pytest

from flowlog_core.forwarding.options import ForwardOptions
from flowlog_core.forwarding.outcome import Outcome
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import Setup, assert_tiles


def offsets(flows: list[dict[str, Any]]) -> list[int]:
    return [int(flow["id"].split("-")[1]) for flow in flows]


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda records: document(records[:1]),  # shorter
        lambda records: document([vnet_record(4, number=9), *records[1:], vnet_record(1, number=10)]),  # other bytes
        lambda _: b"",
    ],
)
def test_a_rewritten_blob_begins_a_new_generation_from_its_start(rewrite: Callable[[list[bytes]], bytes]) -> None:
    setup = Setup()
    records = [vnet_record(3), vnet_record(40, number=1)]
    setup.blobs.put(VNET, document(records))
    setup.forward()
    sent_before = len(setup.sink.events)
    rewritten = rewrite(records)
    setup.blobs.put(VNET, rewritten)

    report = setup.forward()

    assert report.generation == 1
    assert len(setup.log.of("flowlog.rewritten")) == 1
    again = setup.sink.events[sent_before:]
    assert all(event.properties["generation"] == 1 for event, _ in again)
    assert_tiles(setup.ranges()[sent_before:], setup.checkpoints.stored(VNET).range_end)
    assert report.flows == sum(1 for event, _ in again for _ in event.body.splitlines())


def test_a_blob_that_is_gone_is_nothing_to_do() -> None:
    setup = Setup()

    result = setup.forwarder.forward(VNET)

    assert result.outcome is Outcome.GONE
    assert [(report.flows, report.complete) for report in result.passes] == [(0, False)]
    assert len(setup.log.of("flowlog.gone")) == 1
    assert setup.log.of("flowlog.fault") == []


def test_an_append_while_a_long_read_lasts_is_forwarded_by_the_same_run() -> None:
    setup = Setup(ForwardOptions(start="all", chunk_bytes=2000))
    records = [vnet_record(10, number=number) for number in range(5)]
    setup.blobs.put(VNET, document(records[:4]))
    reads = 0

    def grow_before_the_second_read() -> None:
        nonlocal reads
        reads += 1
        if reads == 2:
            setup.blobs.put(VNET, document(records))

    setup.blobs.before_read = grow_before_the_second_read

    report = setup.forward()

    assert report.complete
    assert len(setup.flows()) == 50
    assert len(set(offsets(setup.flows()))) == 5
    assert_tiles(setup.ranges(), len(document(records)) - 2)
