"""The audit of events whose bodies do not hold the flows that they announce: each is found, and closes no gap."""

import gzip
import json
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.flow.schemas import SCHEMAS, SchemaName
from flowlog_core.flow.schemas.flow_1 import flow_schema
from flowlog_core.operations.audit.byte_ranges import EventPosition
from flowlog_core.operations.audit.report import Kind
from flowlog_core.operations.received_event import ReceivedEvent
from flowlog_core.source.blob import ByteRange
from tests.support.flow_logs import VNET, vnet_record
from tests.unit.operations.audit.site import LATER, Site, byte_range_of, changed, only

type Lines = Sequence[bytes]
type Forge = Callable[[ReceivedEvent], ReceivedEvent]

FLOWS = 20  # of an event
BOMB = gzip.compress(bytes(20_000_000))


def body(lines: Callable[[list[bytes]], Lines]) -> Forge:
    """Forge an event whose properties are right, and whose body has other lines."""
    return lambda event: replace(event, body=b"\n".join(lines(event.body.split(b"\n"))))


def each_flow(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Forge:
    return body(lambda lines: [json.dumps(change(json.loads(line)), separators=(",", ":")).encode() for line in lines])


def another_id(change: Callable[[list[str]], list[str]], *, announced: bool = False) -> Forge:
    """Change the parts of each id; and of those in the properties, too."""

    def of(text: str) -> str:
        return "-".join(change(text.split("-")))

    def forge(event: ReceivedEvent) -> ReceivedEvent:
        assert event.properties is not None
        ids = {"first_id": of(event.properties.first_id), "last_id": of(event.properties.last_id)} if announced else {}
        return changed(each_flow(lambda flow: flow | {"id": of(flow["id"])})(event), **ids)

    return forge


def end_of_range(parts: list[str]) -> list[str]:
    return [parts[0], str(10**9), *parts[2:]]


FORGED: dict[str, Forge] = {
    "garbage": lambda event: replace(event, body=b"garbage"),
    "nothing": lambda event: replace(event, body=b""),
    "lines of other JSON": body(lambda lines: [b"{}"] * len(lines)),
    "ids alone": each_flow(lambda flow: {"id": flow["id"]}),
    "a key more": each_flow(lambda flow: flow | {"more": 1}),
    "a key less": each_flow(lambda flow: {key: value for key, value in flow.items() if key != "srcIp"}),
    "keys in another order": each_flow(lambda flow: dict(reversed(flow.items()))),
    "a flow less": body(lambda lines: lines[:-1]),
    "no first flow": body(lambda lines: lines[1:]),
    "a flow more": body(lambda lines: [*lines, lines[-1]]),
    "one flow again and again": body(lambda lines: [lines[0]] * len(lines)),
    "one flow twice in the place of another": body(lambda lines: [*lines[:5], lines[4], *lines[6:]]),
    "the flows in another order": body(lambda lines: [lines[0], *lines[-2:0:-1], lines[-1]]),
    "ids that are no text": each_flow(lambda flow: flow | {"id": 5}),
    "ids of another blob": another_id(lambda parts: [LATER.key, *parts[1:]]),
    "ids of another blob, announced": another_id(lambda parts: [LATER.key, *parts[1:]], announced=True),
    "ids of another place": another_id(end_of_range),
    "ids of another place, announced": another_id(end_of_range, announced=True),
    "ids of another record": another_id(lambda parts: [*parts[:2], "00000000", parts[3]]),
    "ids with signs": another_id(lambda parts: [*parts[:3], f"+{parts[3]}"]),
    "other flows announced at its ends": lambda event: changed(event, last_id=only_id(event)),
    "announced from the end to the start": lambda event: changed(
        event, first_id=last_of(event), last_id=only_id(event)
    ),
    "more flows announced": lambda event: changed(event, flows=FLOWS + 1),
    "fewer flows announced": lambda event: changed(event, flows=FLOWS - 1),
    "another range announced": lambda event: changed(event, byte_range=ByteRange(0, 5)),
    "no gzip, though it says so": lambda event: replace(event, content_encoding="gzip"),
    "gzip that was cut": lambda event: replace(event, body=gzip.compress(event.body)[:-1], content_encoding="gzip"),
    "a bomb": lambda event: replace(event, body=BOMB, content_encoding="gzip"),
    "the flows as one object": lambda event: replace(event, content_type="application/json"),
}


def only_id(event: ReceivedEvent) -> str:
    return str(json.loads(event.body.split(b"\n")[0])["id"])


def last_of(event: ReceivedEvent) -> str:
    return str(json.loads(event.body.split(b"\n")[-1])["id"])


@pytest.fixture
def site() -> Site:
    made = Site()
    made.put_and_forward(4)
    return made


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_an_event_that_does_not_hold_what_it_announces_is_found_and_closes_no_gap(site: Site, forge: Forge) -> None:
    events = site.received()
    forged = forge(events[2])
    assert site.audit().proven

    report = site.audit([*events[:2], forged, *events[3:]])

    findings = {finding.kind: finding for finding in report.findings}
    assert set(findings) == {Kind.BODY, Kind.GAP}
    found, gap = findings[Kind.BODY], findings[Kind.GAP]
    assert (found.blob, found.byte_ranges) == (VNET.path, (byte_range_of(forged),))
    assert found.positions == (EventPosition("0", 2),)
    assert "event at partition 0, sequence number 2: " in found.text
    assert gap.byte_ranges == (byte_range_of(events[2]),)
    assert (report.total.events, report.total.flows, report.total.complete) == (3, 3 * FLOWS, 0)


def test_records_in_another_order_are_found() -> None:
    site = Site()
    site.put(*(vnet_record(2, number=number) for number in range(4)))
    site.forwarder.forward(VNET)
    (event,) = site.received()
    first, second, third, last = (event.body.split(b"\n")[start : start + 2] for start in range(0, 8, 2))

    assert site.audit([event]).proven
    assert not site.audit([replace(event, body=b"\n".join([*first, *third, *second, *last]))]).proven


def test_where_flows_have_no_ids_their_number_and_keys_must_do() -> None:
    site = Site(schema=flow_schema(("srcIp", "destIp")))
    site.put_and_forward(2)
    (event, *_) = events = site.received()
    lines = event.body.split(b"\n")
    assert event.properties is not None

    assert site.audit().proven
    assert site.audit([replace(event, body=b"\n".join(lines[::-1])), *events[1:]]).proven
    for forged in (lines[1:], [*lines, lines[0]], [b'{"srcIp":"1"}'] * len(lines)):
        report = site.audit([replace(event, body=b"\n".join(forged)), *events[1:]])
        assert [finding.kind for finding in report.findings] == [Kind.GAP, Kind.BODY]
    elsewhere = changed(event, first_id=event.properties.first_id.replace(VNET.key, LATER.key))
    assert Kind.BODY in {finding.kind for finding in site.audit([elsewhere, *events[1:]]).findings}


def test_an_event_of_a_replay_that_was_forged_is_found_and_counts_for_nothing(site: Site) -> None:
    events = site.received()
    again = [changed(replace(event, sequence=100 + event.sequence), replay="monday") for event in events]
    recovery = changed(replace(events[0], sequence=200), replay="quarantine")
    garbage = [replace(event, body=b"garbage") for event in (again[1], recovery)]

    report = site.audit([*events, again[0], garbage[0], *again[2:], garbage[1]])

    kinds = [(finding.kind, finding.replay) for finding in report.findings]
    assert kinds == [(Kind.GAP, "monday"), (Kind.BODY, "monday"), (Kind.BODY, "quarantine")]
    assert (report.replayed, report.total.complete) == (3, 1)


def test_events_that_are_of_no_blob_in_question_are_not_looked_into(site: Site) -> None:
    events = site.received()
    elsewhere = replace(changed(events[0], blob=LATER.path), body=BOMB, content_encoding="gzip")

    report = site.audit([*events, elsewhere, replace(elsewhere, properties=None)])

    assert (report.proven, report.outside, report.foreign) == (True, 1, 1)


@given(data=st.data())
def test_whatever_is_left_out_doubled_or_moved_is_found(data: st.DataObject) -> None:
    site = Site()
    site.put_and_forward(1)
    (event,) = site.received()
    lines = event.body.split(b"\n")
    forged = data.draw(st.lists(st.sampled_from(lines), min_size=FLOWS - 1, max_size=FLOWS + 1))

    report = site.audit([replace(event, body=b"\n".join(forged))])

    assert report.proven == (forged == lines)


def test_neither_a_bomb_nor_many_flows_fill_the_memory(site: Site) -> None:
    events = site.received()
    bombs = [replace(events[2], body=BOMB, content_encoding="gzip", sequence=number) for number in range(20)]
    tracemalloc.start()
    try:
        report = site.audit([*events[:2], *bombs, *events[3:]])
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()

    assert report.findings.counts == {Kind.BODY: 20, Kind.GAP: 1}


def test_a_made_up_event_that_fits_its_own_announcement_is_trusted(site: Site) -> None:
    """So far the proof goes: whoever may send to the hub can send flows that are none."""
    events = site.received()
    made_up = each_flow(lambda flow: dict.fromkeys(flow) | {"id": flow["id"]})(events[2])

    assert site.audit([*events[:2], made_up, *events[3:]]).proven


def test_the_finding_says_what_is_wrong_with_the_body(site: Site) -> None:
    (event, *_) = site.received()
    site_events = site.received()

    def text(forged: ReceivedEvent) -> str:
        return next(each.text for each in site.audit([forged, *site_events[1:]]).findings if each.kind is Kind.BODY)

    place = "event at partition 0, sequence number 0: "
    assert text(replace(event, body=b"garbage")).startswith(f"{place}its body can't be read (unexpected character")
    assert text(changed(event, flows=21)) == f"{place}its body holds 20 flows, where it announces 21; it proves nothing"
    assert only(site.audit([*site_events, changed(event, flows=19, generation=5)])).text == (
        f"{place}its body holds more flows, where it announces 19; it proves nothing"
    )


@pytest.mark.parametrize("name", ["ocsf", "ecs", "asim"])
def test_events_of_every_schema_are_proven_by_the_ids_in_their_bodies(name: SchemaName) -> None:
    site = Site(schema=SCHEMAS[name])
    site.put_and_forward(3)
    event, *others = site.received()
    lines = event.body.split(b"\n")

    assert site.audit().proven
    for forged in (lines[::-1], [lines[0]] * len(lines), [b'{"id":"1"}'] * len(lines)):
        report = site.audit([replace(event, body=b"\n".join(forged)), *others])
        assert Kind.BODY in {finding.kind for finding in report.findings}


def test_a_blob_is_proven_whose_schema_was_changed_in_its_midst() -> None:
    site = Site(schema=SCHEMAS["ecs"])
    site.put_and_forward(2)
    options = replace(site.options, events=replace(site.options.events, format="json", schema=SCHEMAS["ocsf"]))
    site.forwarder = site.new_forwarder(options)
    site.put_and_forward(4)
    events = site.received()

    schemas = [event.properties.schema for event in events if event.properties is not None]
    assert list(dict.fromkeys(schemas)) == ["ecs/9.4.0", "ocsf/1.8.0"]
    assert site.audit(source=site.blobs).proven
    assert Kind.BODY in {
        finding.kind for finding in site.audit([changed(events[0], schema="ocsf/1.8.0"), *events[1:]]).findings
    }


def test_an_event_of_a_schema_of_a_later_version_is_counted_and_proves_nothing() -> None:
    site = Site(schema=SCHEMAS["ecs"])
    site.put_and_forward(2)
    event, _ = site.sink.events[0]
    site.sink.events[0] = (replace(event, properties={**event.properties, "schema": "ecs/9.5.0"}), None)

    report = site.audit()

    assert report.foreign == 1
    assert {finding.kind for finding in report.findings} == {Kind.GAP}
