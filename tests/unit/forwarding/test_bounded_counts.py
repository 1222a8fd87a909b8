"""Counts by text take no more memory, however many texts come, and however long these are."""

import tracemalloc

from flowlog_core.forwarding.bounded_counts import OTHERS, BoundedCounts
from tests.support.flow_logs import VNET, document, nsg_record
from tests.support.forwarding import Setup

GOOD = "1795000000,10.0.0.4,10.1.0.1,1024,443,T,O,A,B,,,,"


def test_distinct_texts_for_long_take_the_memory_of_the_first() -> None:
    counts = BoundedCounts(100)
    tracemalloc.start()
    try:
        peaks = []
        for size in (1_000, 20_000):
            for number in range(size):
                counts.update({f"{number}{'x' * 1000}": 1})
            peaks.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()

    assert peaks[1] < 1.1 * peaks[0] + 1000
    assert peaks[1] < 100 * 1000
    assert counts.largest(3)[OTHERS] == 21_000 - 200
    assert sum(counts.largest(200).values()) == 21_000


def test_nothing_is_called_others_where_there_are_none_and_others_come_last() -> None:
    counts = BoundedCounts(2)
    counts.update({"a": 1, "b": 5})
    assert counts.largest(10) == {"b": 5, "a": 1}

    counts.update({"c": 9, "a": 1})

    assert list(counts.largest(1).items()) == [("b", 5), (OTHERS, 9)]


def test_a_blob_of_many_rules_logs_the_largest_and_all_others_together() -> None:
    setup = Setup()
    records = [
        nsg_record([GOOD] * (2 if number == 3 else 1)).replace(b"UserRule_x", b"Rule%d" % number)
        for number in range(1200)
    ]
    setup.blobs.put(VNET, document(records))

    setup.forward()

    (run,) = setup.log.of("flowlog.run")
    rules = run["rules"]
    assert isinstance(rules, dict)
    assert (len(rules), rules["Rule3"], rules[OTHERS]) == (11, 2, 200)
