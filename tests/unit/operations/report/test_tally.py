"""Totals in bounded memory."""

import sqlite3
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.errors import TallyError
from flowlog_core.operations.report.tally import INBOUND, OUTBOUND, Key, Order, Seen, Tally, Total

NUMBERS = st.one_of(st.integers(0, 5), st.integers(2**62, 2**63 - 1))
SEEN = st.builds(
    Seen,
    denied=st.booleans(),
    counted=st.booleans(),
    packets_out=NUMBERS,
    bytes_out=NUMBERS,
    packets_back=NUMBERS,
    bytes_back=NUMBERS,
    time=st.integers(0, 59).map(lambda second: f"2026-11-20T23:00:{second:02d}.000Z"),
    direction=st.sampled_from([INBOUND, OUTBOUND]),
)
KEYS = st.tuples(st.text("ab\"'é%", max_size=2), st.integers(0, 3), st.none() | st.just("x"))


def seen(size: int = 0, *, time: str = "2026-11-20T23:00:00.000Z") -> Seen:
    return Seen(
        denied=False,
        counted=True,
        packets_out=1,
        bytes_out=size,
        packets_back=0,
        bytes_back=0,
        time=time,
        direction=INBOUND,
    )


def expected(flows: list[tuple[Key, Seen]]) -> dict[Key, Total]:
    """The same totals, by the plainest means."""
    totals = {}
    for key in {key for key, _ in flows}:
        own = [each for other, each in flows if other == key]
        totals[key] = Total(
            first=min(each.time for each in own),
            last=max(each.time for each in own),
            flows=len(own),
            denied=sum(each.denied for each in own),
            counted=sum(each.counted for each in own),
            packets_out=sum(each.packets_out for each in own),
            bytes_out=sum(each.bytes_out for each in own),
            packets_back=sum(each.packets_back for each in own),
            bytes_back=sum(each.bytes_back for each in own),
            directions=sum({each.direction for each in own}),
        )
    return totals


@given(flows=st.lists(st.tuples(KEYS, SEEN), max_size=60), held=st.integers(1, 70))
def test_totals_are_exact_wherever_they_are_kept(flows: list[tuple[Key, Seen]], held: int) -> None:
    with Tally(held) as tally:
        for key, each in flows:
            tally.add(key, each)
        totals = expected(flows)
        by_bytes = sorted(totals, key=lambda key: (-totals[key].bytes, -totals[key].flows))
        by_flows = sorted(totals, key=lambda key: (-totals[key].flows, -totals[key].bytes))

        assert dict(tally.all()) == totals
        assert dict(tally.both_ways()) == {key: total for key, total in totals.items() if total.directions == 3}
        orders: tuple[tuple[Order, list[Key]], ...] = (("bytes", by_bytes), ("flows", by_flows))
        for order, sorted_keys in orders:
            given = [(total.bytes, total.flows) for _, total in tally.top(4, order)]
            assert given == [(totals[key].bytes, totals[key].flows) for key in sorted_keys[:4]]


@given(flows=st.lists(st.tuples(KEYS, SEEN), max_size=60), held=st.integers(1, 10))
def test_a_small_memory_gives_the_same_in_the_same_order_as_a_large_one(
    flows: list[tuple[Key, Seen]], held: int
) -> None:
    with Tally(held) as small, Tally() as large:
        for key, each in flows:
            small.add(key, each)
            large.add(key, each)

        assert list(small.all()) == list(large.all())
        assert small.top(5, "bytes") == large.top(5, "bytes")
        assert small.top(5, "flows") == large.top(5, "flows")


def test_it_can_be_added_to_after_it_was_read() -> None:
    with Tally() as tally:
        tally.add(("a",), seen(1))
        assert tally.top(1, "key")[0][1].bytes == 1
        tally.add(("a",), seen(2))
        assert tally.top(1, "key")[0][1].bytes == 3


def test_the_first_by_key_are_in_order_of_time() -> None:
    minutes = ["2026-11-20T23:59Z", "2026-11-21T00:00Z", "2026-11-20T00:07Z"]
    with Tally(2) as tally:
        for minute in minutes:
            tally.add((minute,), seen())

        assert [key for key, _ in tally.all()] == [(minute,) for minute in sorted(minutes)]


def test_memory_holds_no_more_keys_than_it_was_told() -> None:
    def peak(held: int) -> int:
        with Tally(held) as tally:
            tracemalloc.start()
            for number in range(3000):
                tally.add((number,), seen())
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        return most

    assert peak(10) < peak(3000) / 10


def test_a_disk_that_refuses_is_told_with_what_to_do() -> None:
    database = sqlite3.connect("", isolation_level=None)
    database.execute("PRAGMA max_page_count = 4")
    with Tally(50, database) as tally:
        for number in range(50):
            tally.add((f"{number}" * 1000,), seen())

        with pytest.raises(TallyError, match=r"full; SQLITE_TMPDIR names a folder"):
            tally.add(("one more",), seen())
