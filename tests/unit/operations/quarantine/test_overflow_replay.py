"""The replay of an overflow item: what it lists is read from the source blob, and sent once."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flowlog_core.decode.overflow import Overflow, OverflowEntry
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.operations.quarantine.replay import Recovered
from tests.support.flow_logs import CLOSER, OPENER, VNET, document, nsg_record, vnet_record
from tests.unit.operations.quarantine.replaying import OPTIONS, TUPLE, Setup, forwarded

NOW = datetime(2026, 11, 20, 23, 7, tzinfo=UTC)
RECORDS = [nsg_record([TUPLE, TUPLE, TUPLE]), vnet_record(2), vnet_record(3, number=1), vnet_record(1, number=2)]
"""Today all of these can be decoded."""


def at(number: int, records: Sequence[bytes] = RECORDS) -> tuple[int, int]:
    start = len(OPENER) + sum(len(record) + 1 for record in records[:number])
    return start, start + len(records[number])


def listing(setup: Setup, *entries: OverflowEntry, generation: int = 0) -> str:
    """Put an overflow item in quarantine, as an older version did."""
    overflow = Overflow(VNET, generation, entries[0].start, 0)
    for entry in entries:
        overflow.add(entry)
    setup.quarantine.put_overflow(overflow, NOW, None)
    return overflow.name


def recover(setup: Setup, name: str) -> Recovered:
    stored = setup.store.overflow(name)
    assert stored is not None
    return setup.recovery.recover(stored)


def ids_of(*records: int) -> list[str]:
    offsets = {at(number)[0] for number in records}
    return [flow["id"] for flow in forwarded(document(RECORDS)) if int(flow["id"].split("-")[1]) in offsets]


def left(setup: Setup) -> list[list[object]]:
    return [entry.columns for stored in setup.quarantine.overflows() for entry in stored.overflow.entries]


@pytest.fixture
def setup() -> Setup:
    made = Setup()
    made.blobs.put(VNET, document(RECORDS))
    return made


def test_what_is_listed_is_sent_with_the_ids_it_would_have_had_and_taken_out(setup: Setup) -> None:
    name = listing(setup, OverflowEntry(*at(0), (0, 2), 2), OverflowEntry(*at(2), None, 1))

    recovered = recover(setup, name)

    first, _, third = ids_of(0)
    assert setup.ids() == [first, third, *ids_of(2)]
    assert recovered == Recovered(name, 5, 0, None)
    assert setup.properties("rangeStart", "rangeEnd", "replay", "tuples") == [
        (*at(0), "quarantine", 2),
        (*at(2), "quarantine", 3),
    ]
    assert setup.quarantine.documents == {}


def test_neighbours_in_one_entry_are_all_sent(setup: Setup) -> None:
    name = listing(setup, OverflowEntry(at(0)[0], at(1)[1], None, 2))

    assert recover(setup, name) == Recovered(name, 5, 0, None)
    assert setup.ids() == ids_of(0, 1)


def test_of_a_coarse_entry_everything_is_sent_and_it_says_that_flows_are_repeated(setup: Setup) -> None:
    name = listing(setup, OverflowEntry(at(0)[0], at(3)[1], None, 2, coarse=True))

    assert recover(setup, name) == Recovered(name, 9, 0, None, repeats=True)
    assert setup.ids() == ids_of(0, 1, 2, 3)


def test_what_still_cannot_be_decoded_stays_listed_and_the_rest_is_not_sent_again() -> None:
    records = [nsg_record([TUPLE, "rubbish", TUPLE]), nsg_record([], version=9), vnet_record(2)]
    setup = Setup()
    setup.blobs.put(VNET, document(records))
    entries = OverflowEntry(*at(0, records), (0, 1), 2), OverflowEntry(at(1, records)[0], at(2, records)[1], None, 2)
    name = listing(setup, *entries)

    recovered = recover(setup, name)

    assert (recovered.flows, recovered.remains) == (3, 2)
    assert left(setup) == [[*at(0, records), [1]], [*at(1, records), None]]
    again = recover(setup, name)
    assert (again.flows, again.remains, len(setup.ids())) == (0, 2, 3)


def test_a_dry_run_and_one_that_keeps_leave_the_item(setup: Setup) -> None:
    name = listing(setup, OverflowEntry(*at(2), None, 1))
    document_before = setup.quarantine.documents[name]
    for options, sent in ((replace(OPTIONS, send=False), 0), (replace(OPTIONS, keep=True), 3)):
        other = Setup(options=options, quarantine=setup.quarantine)
        other.blobs.put(VNET, document(RECORDS))
        assert recover(other, name).flows == 3
        assert len(other.ids()) == sent
        assert setup.quarantine.documents[name] == document_before


def test_what_a_run_adds_meanwhile_stays_listed(setup: Setup) -> None:
    name = listing(setup, OverflowEntry(*at(0), (0,), 1), OverflowEntry(*at(1), None, 1))
    added = OverflowEntry(*at(3), None, 1)

    def add() -> None:
        setup.sink.after_send = lambda: None
        stored = setup.store.overflow(name)
        assert stored is not None
        stored.overflow.add(added)
        setup.quarantine.put_overflow(stored.overflow, NOW, stored.etag)

    setup.sink.after_send = add

    assert recover(setup, name).flows == 3
    assert left(setup) == [added.columns]


def rewrite(setup: Setup) -> None:
    setup.checkpoints.write(VNET, Checkpoint(generation=1).to_metadata())


def shorten(setup: Setup) -> None:
    setup.blobs.put(VNET, OPENER + CLOSER)


def shift(setup: Setup) -> None:
    setup.blobs.put(VNET, document([vnet_record(1), *RECORDS]))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (rewrite, "it was rewritten since, so what is listed is no longer there"),
        (shorten, "it has no bytes at offset"),
        (shift, "there is no longer the record that is listed"),
        (lambda setup: setup.blobs.delete(VNET), "the source blob is gone"),
    ],
)
def test_what_is_no_longer_there_stays_listed_with_the_reason(
    setup: Setup, change: Callable[[Setup], None], reason: str
) -> None:
    name = listing(setup, OverflowEntry(*at(0), (0, 2), 2), OverflowEntry(*at(1), None, 1))
    change(setup)

    recovered = recover(setup, name)

    assert (recovered.flows, recovered.remains) == (0, 3)
    assert reason in (recovered.reason or "")
    assert len(left(setup)) == 2
    assert setup.ids() == []


def test_an_item_whose_name_and_content_disagree_is_left_alone(setup: Setup) -> None:
    name = listing(setup, OverflowEntry(*at(2), None, 1))
    other = name.replace("/0-", "/1-")
    setup.quarantine.documents[other] = setup.quarantine.documents[name]
    setup.quarantine.etags[other] = setup.quarantine.etags[name]

    assert (recover(setup, other).reason or "").startswith("left alone: the content is that of")
    assert other in setup.quarantine.documents


def test_the_document_is_what_the_docs_say(setup: Setup) -> None:
    name = listing(setup, OverflowEntry(*at(0), (0, 2), 2), OverflowEntry(*at(2), None, 3, coarse=True))

    fields = json.loads(setup.quarantine.documents[name])

    assert fields == {
        "reason": "more than a blob's most items",
        "blob": VNET.path,
        "generation": 0,
        "offset": at(0)[0],
        "crc": "00000000",
        "count": 5,
        "entries": [[*at(0), [0, 2]], [*at(2), None, 3, "coarse"]],
        "time": "2026-11-20T23:07:00.000+00:00",
    }
