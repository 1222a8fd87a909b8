"""Recovering flows from quarantine, over the in-memory adapters."""

import json
import zlib
from dataclasses import replace

import pytest

from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.events.event_properties import PRODUCER
from flowlog_core.events.packer import EventOptions
from flowlog_core.flow.read_back import FlowReader
from flowlog_core.flow.schemas import SCHEMAS, SchemaName
from flowlog_core.flow.schemas.flow_1 import flow_schema
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.operations.quarantine.replay import Recovered
from tests.support.flow_logs import OPENER, VNET, document, nsg_record, vnet_record
from tests.unit.operations.quarantine.replaying import FOUND, OPTIONS, TUPLE, Setup, forwarded


def test_of_a_complete_record_all_flows_are_sent_as_the_forwarder_would_have_sent_them() -> None:
    setup = Setup()
    record = vnet_record(5)
    item = setup.put(record)

    recovered = setup.recover(item)

    assert recovered == Recovered(item.name, 5, 0, None)
    assert setup.flows() == forwarded(document([record]))
    assert setup.left() == []


def test_of_a_sound_record_only_the_tuples_that_were_rejected_are_sent() -> None:
    setup = Setup()
    record = vnet_record(6)
    item = setup.put(record, tuples=(RejectedTuple(1, "no decision"), RejectedTuple(4, "no source port")))

    recovered = setup.recover(item)

    expected = forwarded(document([record]))
    assert setup.flows() == [expected[1], expected[4]]
    assert (recovered.flows, recovered.remains, setup.left()) == (2, 0, [])


def test_of_a_level_that_was_rejected_only_the_tuples_below_it_are_sent() -> None:
    setup = Setup()
    value = json.loads(vnet_record(2))
    (group,) = value["flowRecords"]["flows"][0]["flowGroups"]
    value["flowRecords"]["flows"][0]["flowGroups"] = [group, {**group, "rule": "UserRule_x"}, group]
    record = json.dumps(value).encode()
    counted = RejectedTuple(4, "aclID is not a string", "/flowRecords/flows/0")
    level = RejectedTuple(None, "flowTuples is not an array", "/flowRecords/flows/0/flowGroups/1")
    item = setup.put(record, tuples=(level, counted))

    recovered = setup.recover(item)

    assert setup.flows() == forwarded(document([record]))[2:5]
    assert (recovered.flows, recovered.remains, setup.left()) == (3, 0, [])


def test_a_level_that_still_cannot_be_counted_stays_and_the_tuples_beside_it_are_sent() -> None:
    setup = Setup()
    value = json.loads(vnet_record(2))
    (group,) = value["flowRecords"]["flows"][0]["flowGroups"]
    value["flowRecords"]["flows"][0]["flowGroups"] = [group, {"rule": "UserRule_x", "flowTuples": 7}]
    level = RejectedTuple(None, "flowTuples is not an array", "/flowRecords/flows/0/flowGroups/1")
    item = setup.put(json.dumps(value).encode(), tuples=(RejectedTuple(1, "old"), level))

    recovered = setup.recover(item)

    assert [flow["id"].rpartition("-")[2] for flow in setup.flows()] == ["1"]
    assert (recovered.flows, recovered.remains) == (1, 1)
    assert setup.left()[0].tuples == (level,)


def test_the_tuples_that_still_fit_no_layout_stay_under_the_same_name() -> None:
    setup = Setup()
    record = nsg_record([TUPLE, "rubbish", TUPLE, "more,rubbish"])
    item = setup.put(record, tuples=(RejectedTuple(1, "old"), RejectedTuple(2, "old"), RejectedTuple(3, "old")))

    recovered = setup.recover(item)

    assert [flow["id"].rpartition("-")[2] for flow in setup.flows()] == ["2"]
    assert (recovered.flows, recovered.remains) == (1, 2)
    (left,) = setup.left()
    assert (left.name, left.raw) == (item.name, record)
    assert [each.ordinal for each in left.tuples] == [1, 3]
    assert setup.store.get(left.name).time == FOUND
    assert setup.properties("quarantined") == [(2,)]

    assert setup.recover(left) == Recovered(item.name, 0, 2, left.reason)
    assert len(setup.flows()) == 1


def test_tuples_that_were_too_large_together_are_sent_replay_by_replay() -> None:
    setup = Setup()
    record = vnet_record(1400, rule="r" * 100_000)
    setup.put(record, tuples=tuple(RejectedTuple(ordinal, "output too large") for ordinal in range(20, 1400)))

    sent = []
    while setup.left():
        (item,) = setup.left()
        sent.append(setup.recover(item).flows)

    assert sum(sent) == 1380
    assert len(sent) == 3
    assert [int(each.rpartition("-")[2]) for each in setup.ids()] == list(range(20, 1400))


def test_a_record_that_is_known_by_now_keeps_its_bad_tuples_in_quarantine() -> None:
    setup = Setup()
    item = setup.put(nsg_record([TUPLE, "rubbish"]))

    assert setup.recover(item).flows == 1

    (left,) = setup.left()
    assert (left.name, left.reason) == (item.name, "1 of 2 tuples give no flow")
    assert left.tuples == (RejectedTuple(1, "1 columns where nsg version 2 has 13"),)


def test_an_event_tells_that_it_is_a_replay_and_of_which_place() -> None:
    setup = Setup(replace(OPTIONS, events=EventOptions(schema=flow_schema(("id", "srcIp")))))
    lease = setup.checkpoints.acquire(VNET)
    assert lease is not None
    lease.read()
    lease.commit(replace(Checkpoint(), generation=3))
    item = setup.put(vnet_record(5), offset=4711, tuples=(RejectedTuple(1, "x"), RejectedTuple(3, "x")))

    setup.recover(item)

    ((event, key),) = setup.sink.events
    assert key == VNET.mac_address
    prefix = f"{VNET.key}-4711-{item.crc:08x}-"
    assert event.properties == {
        "schema": "flow/1",
        "producer": PRODUCER,
        "blob": VNET.path,
        "generation": 3,
        "replay": "quarantine",
        "fields": "id,srcIp",
        "rangeStart": 4711,
        "rangeEnd": 4711 + item.length,
        "part": 0,
        "parts": 1,
        "flows": 2,
        "tuples": 2,
        "quarantined": 0,
        "firstId": f"{prefix}1",
        "lastId": f"{prefix}3",
    }


def test_the_partition_key_is_left_out_where_the_setting_says_so() -> None:
    setup = Setup(replace(OPTIONS, partition_by="none"))

    setup.recover(setup.put(vnet_record(1)))

    assert [key for _, key in setup.sink.events] == [None]


def test_of_broken_bytes_the_records_in_them_are_sent_with_their_own_places() -> None:
    first, second = vnet_record(2), vnet_record(3, number=1)
    complete = document([b'{"time":1,', first, second])
    offset = len(OPENER)
    setup = Setup()
    item = setup.put(complete[offset:-2], offset, "not valid JSON: expected value")

    recovered = setup.recover(item)

    assert setup.flows() == forwarded(complete)
    assert recovered.flows == 5
    assert setup.properties("rangeStart", "rangeEnd", "quarantined") == [(offset, offset + item.length, 1)]


def test_of_broken_bytes_what_still_is_broken_stays_and_nothing_is_sent_twice() -> None:
    setup = Setup()
    garbage, bad_tuple, sound, tail = b'{"time":1,', nsg_record([TUPLE, "rubbish"]), vnet_record(3), b'{"time":2'
    item = setup.put(b",".join([garbage, bad_tuple, sound, tail]), 1000, "not valid JSON: expected value")

    recovered = setup.recover(item)

    assert (recovered.flows, recovered.remains) == (4, 3)
    assert setup.properties("rangeStart", "rangeEnd", "quarantined") == [(1000, 1000 + item.length, 3)]
    (left,) = setup.left()
    assert (left.name, left.raw, left.reason, left.count) == (item.name, item.raw, item.reason, 3)
    pieces = [item.raw[piece.offset - 1000 : piece.offset - 1000 + piece.length] for piece in left.remains if item.raw]
    assert pieces == [garbage + b",", bad_tuple, b"," + tail]
    assert [zlib.crc32(piece) for piece in pieces] == [piece.crc for piece in left.remains]
    assert left.remains[1].tuples == (RejectedTuple(1, "1 columns where nsg version 2 has 13"),)

    again = setup.recover(left)

    assert (again.flows, again.remains) == (0, 3)
    assert len(setup.flows()) == 4
    assert setup.left() == [left]


def test_an_object_that_ends_as_a_log_does_stays_complete() -> None:
    setup = Setup()
    sound, broken = vnet_record(1), b'{"a":,"b":[{}]}'
    item = setup.put(b",".join([sound, broken]))

    assert setup.recover(item).flows == 1

    (left,) = setup.left()
    assert [(piece.offset, piece.length) for piece in left.remains] == [(12 + len(sound), 1 + len(broken))]


def test_a_tuple_that_only_this_version_rejects_is_not_told_as_it_was_sent_then() -> None:
    setup = Setup()
    item = setup.put(
        nsg_record([TUPLE, "rubbish", TUPLE, "sent, then"]), tuples=(RejectedTuple(1, "old"), RejectedTuple(2, "old"))
    )

    assert setup.recover(item).flows == 1

    (left,) = setup.left()
    assert [each.ordinal for each in left.tuples] == [1]


def test_what_remained_of_an_item_is_sent_alone_once_it_can_be_decoded() -> None:
    setup = Setup()
    sent, waiting, mixed = vnet_record(3), vnet_record(2, number=1), vnet_record(4, number=2)
    raw = b",".join([sent, waiting, mixed])
    second, third = 12 + len(sent) + 1, 12 + len(sent) + len(waiting) + 2
    remains = (
        QuarantineItem(VNET, second, len(waiting), zlib.crc32(waiting), "old", None),
        QuarantineItem(VNET, third, len(mixed), zlib.crc32(mixed), "old", None, (RejectedTuple(2, "old"),)),
    )
    item = setup.put(raw, remains=remains)

    recovered = setup.recover(item)

    expected = forwarded(document([sent, waiting, mixed]))
    assert setup.flows() == [*expected[3:5], expected[7]]
    assert (recovered.flows, recovered.remains, setup.left()) == (3, 0, [])
    assert setup.properties("rangeStart", "rangeEnd") == [(12, 12 + len(raw))]


@pytest.mark.parametrize("raw", [b"]", b"]}", b"}", b"garbage", b'{"records":[', b'{"a":1}', b'{"time":1'])
def test_what_still_holds_no_record_stays_as_it_is(raw: bytes) -> None:
    setup = Setup()
    item = setup.put(raw)

    recovered = setup.recover(item)

    assert (recovered.flows, recovered.remains) == (0, 1)
    assert recovered.reason
    assert setup.left() == [item]
    assert setup.sink.events == []


def test_a_record_without_tuples_is_decoded_by_now_and_gives_nothing_to_send() -> None:
    setup = Setup()

    recovered = setup.recover(setup.put(vnet_record(0)))

    assert (recovered.flows, recovered.remains) == (0, 0)
    assert (setup.left(), setup.sink.events) == ([], [])


def test_many_flows_make_several_ranges_that_tile_the_items() -> None:
    setup = Setup(replace(OPTIONS, events=EventOptions(format="json")))
    item = setup.put(b",".join(vnet_record(2, number=number) for number in range(3)), 500)

    setup.recover(item)

    assert setup.properties("part", "parts") == [(0, 2), (1, 2)] * 3
    bounds = setup.properties("rangeStart", "rangeEnd")[::2]
    assert (bounds[0][0], bounds[-1][1]) == (500, 500 + item.length)
    assert [end for _, end in bounds[:-1]] == [start for start, _ in bounds[1:]]


@pytest.mark.parametrize("name", SCHEMAS)
def test_flows_are_sent_in_the_schema_that_is_set_then_with_the_same_ids(name: SchemaName) -> None:
    schema = SCHEMAS[name]
    setup = Setup(replace(OPTIONS, events=EventOptions(schema=schema)))
    record = vnet_record(6)
    item = setup.put(record, tuples=(RejectedTuple(1, "a flow of 9 bytes"), RejectedTuple(4, "output too large")))

    assert setup.recover(item) == Recovered(item.name, 2, 0, None)

    expected = forwarded(document([record]))
    read = setup.flows() if name == "flow" else list(map(FlowReader(schema).read, setup.flows()))
    assert [flow["id"] for flow in read] == [expected[1]["id"], expected[4]["id"]]
    assert setup.properties("schema", "tuples", "quarantined") == [(schema.name, 2, 0)]
