"""Twice the input is at most two and a half times the work, counted in calls and in bytes, on the whole way."""

import sys
from types import FrameType
from typing import Self

import pytest

from flowlog_core.events.packer import EventCompression, EventFormat, EventOptions
from flowlog_core.forwarding.options import ForwardOptions
from tests.support.flow_logs import VNET, document, vnet_record
from tests.support.forwarding import Setup


class Calls:
    """Counts the calls of Python's and of C's functions while it is entered."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, _: FrameType, event: str, __: object) -> None:
        self.count += event in {"call", "c_call"}


def backlog(records: int, tuples: int, options: ForwardOptions) -> tuple[int, int]:
    """Forward a blob of so many records in one run; count calls, and bytes read and sent."""
    setup = Setup(options)
    setup.blobs.put(VNET, document([vnet_record(tuples, number=number) for number in range(records)]))
    with Calls() as calls:
        report = setup.forward()
    assert report.flows == records * tuples
    sent = sum(len(event.body) for event, _ in setup.sink.events)
    return calls.count, report.bytes_read + sent


@pytest.mark.parametrize("chunk_bytes", [5_000, 4_194_304])
@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("format_", ["ndjson", "records", "json"])
@pytest.mark.parametrize(("records", "tuples"), [(40, 10), (4, 400)])
def test_a_backlog_of_twice_the_size_is_at_most_two_and_a_half_times_the_work(
    format_: EventFormat, compression: EventCompression, chunk_bytes: int, records: int, tuples: int
) -> None:
    options = ForwardOptions(
        EventOptions(format_, compression, 20_000), start="all", chunk_bytes=chunk_bytes, batch_bytes=50_000
    )
    backlog(1, 1, options)  # what is compiled once is compiled now

    more_records = zip(backlog(records, tuples, options), backlog(2 * records, tuples, options), strict=True)
    larger_records = zip(backlog(records, tuples, options), backlog(records, 2 * tuples, options), strict=True)

    for once, twice in [*more_records, *larger_records]:
        assert twice <= 2.5 * once


def hour(appends: int) -> tuple[int, int]:
    """Forward a blob that grows by one record after another, a run for each; count calls, and bytes read."""
    setup = Setup()
    read = 0
    records = [vnet_record(20, number=number) for number in range(appends)]
    with Calls() as calls:
        for number in range(appends):
            setup.blobs.put(VNET, document(records[: number + 1]))
            read += setup.forward().bytes_read
    return calls.count, read


def test_an_hour_of_twice_the_appends_is_at_most_two_and_a_half_times_the_work() -> None:
    hour(1)
    for once, twice in zip(hour(30), hour(60), strict=True):
        assert twice <= 2.5 * once
