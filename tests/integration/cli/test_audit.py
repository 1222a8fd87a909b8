"""The command ``audit``, against Azurite and local hubs; faults are planted by copying a hub's events to another."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from flowlog_core.adapters.event_hubs.sink import EventHubSink
from flowlog_core.connections import EventHubConnection
from flowlog_core.events.packer import Event
from flowlog_core.source.blob import SourceBlob
from local.event_hub.server import EventHub, StoredEvent
from tests.integration.cli.site import Ran, Site
from tests.support.flow_logs import nsg_record, vnet_record
from tests.support.hubs import OpenHub

SMALL = {"FLOWLOG_EVENT_MAX_BYTES": "16384"}
RECORD = 20  # tuples of a record that fills a small event


def copy(events: Sequence[StoredEvent], hub: EventHub) -> None:
    """Send events of the site's hub to another one, whose name, and so whose checkpoints, are the same."""
    sink = EventHubSink(EventHubConnection("localhost", hub.name, hub.connection_string))
    for event in events:
        properties: Any = event.properties
        sent = Event(event.body, event.content_type or "", event.content_encoding, properties)
        assert sink.send([sent], event.partition_key, within=30) == 1
    sink.close()


def audit(site: Site, *arguments: str) -> Ran:
    return site.run("audit", "--since", "3h ago", *arguments)


def of(site: Site, blob: SourceBlob) -> list[StoredEvent]:
    return [event for event in site.hub.events() if event.properties["blob"] == blob.path]


def range_of(event: StoredEvent) -> dict[str, object]:
    return {"start": event.properties["rangeStart"], "end": event.properties["rangeEnd"]}


def place_of(event: StoredEvent) -> dict[str, object]:
    return {"partition": str(event.partition), "sequence": event.sequence_number}


def test_what_was_forwarded_in_whatever_form_is_proven(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    forms = [
        SMALL,
        {"FLOWLOG_EVENT_FORMAT": "records", "FLOWLOG_EVENT_COMPRESSION": "gzip"},
        {"FLOWLOG_EVENT_FORMAT": "json"},
        {**SMALL, "FLOWLOG_PARTITION_BY": "none"},
    ]
    for number, form in enumerate(forms):
        blob = site.blob(mac=f"{number:012d}", hours_ago=number % 2)
        forwarder = site.services(**form).forwarder(site.read_settings(form).forward)
        site.put(blob, [vnet_record(RECORD, number=record) for record in range(3)])
        forwarder.forward(blob)
        # The first is rewritten, the others are appended to.
        first = 10 if number == 0 else 0
        site.put(blob, [*(vnet_record(RECORD, number=first + record) for record in range(7)), nsg_record(["bad"])])
        forwarder.forward(blob)
    monkeypatch.setenv("FLOWLOG_PARTITION_BY", "none")

    ran = audit(site)

    assert (ran.status, ran.err) == (0, "")
    events = len(site.hub.events())
    lines = ran.out.splitlines()
    assert lines[0].split() == [
        *("SOURCE", "CONTAINER", "HOUR", "BLOBS", "COMPLETE", "EVENTS", "FLOWS", "REPEATS", "GAPS", "NOT", "PROVABLE")
    ]
    assert [line.split()[3:5] for line in lines[1:3]] == [["2", "2"], ["2", "2"]]
    flows = RECORD * (7 * 4 + 3)
    assert lines[3].split() == ["all", "4", "4", str(events), str(flows), "0", "0", "0"]
    assert lines[4:] == [
        f"Proven: 4 of 4 blobs are complete on the hub, with {flows} flows in {events} events; no gap, no repeat."
    ]


def test_a_lost_event_and_one_that_comes_again_are_found_in_their_places(
    site: Site, open_hub: OpenHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    lossy, twice = site.blob(), site.blob(mac="00155D000002")
    for blob in (lossy, twice):
        site.put(blob, [vnet_record(RECORD, number=record) for record in range(5)])
        site.forward(blob, **SMALL)
    lost, again = of(site, lossy)[2], of(site, twice)[3]
    events = [event for event in site.hub.events() if event != lost]

    hub = open_hub(site.hub.name)
    copy([*events, again], hub)
    monkeypatch.setenv("FlowLogEventHub", hub.connection_string)

    ran = audit(site, "--json")

    there = hub.events()
    report = json.loads(ran.out)
    assert (ran.status, report["proven"]) == (1, False)
    gap, repeat = report["findings"]
    assert (gap["kind"], gap["blob"], gap["ranges"]) == ("gap", lossy.path, [range_of(lost)])
    beside = [event for event in there if event.properties["blob"] == lossy.path][1:3]
    assert gap["places"] == [place_of(event) for event in beside]
    assert (repeat["kind"], repeat["blob"], repeat["ranges"]) == ("repeat", twice.path, [range_of(again)])
    assert repeat["places"][0] == place_of([event for event in there if event.properties["blob"] == twice.path][-1])
    assert (report["total"]["gaps"], report["total"]["repeats"], report["total"]["whole"]) == (1, 1, 1)
    assert report["counts"] == {"gap": 1, "repeat": 1, "count": 0, "body": 0, "behind": 0, "not provable": 0}


def test_an_event_with_the_properties_of_a_lost_one_and_another_body_closes_no_gap(
    site: Site, open_hub: OpenHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = site.blob()
    site.put(blob, [vnet_record(RECORD, number=record) for record in range(3)])
    site.forward(blob, **SMALL)
    events = site.hub.events()
    bomb = gzip.compress(bytes(100_000_000))
    forged = [replace(events[1], body=b"garbage"), replace(events[1], body=bomb, content_encoding="gzip")]

    hub = open_hub(site.hub.name)
    copy([events[0], *forged, events[2]], hub)
    monkeypatch.setenv("FlowLogEventHub", hub.connection_string)

    ran = audit(site)

    assert ran.status == 1
    start, end = events[1].properties["rangeStart"], events[1].properties["rangeEnd"]
    assert f"gap: {blob.path}: no event accounts for bytes [{start}, {end}); " in ran.out
    assert ran.out.count(f"body: {blob.path}: event at partition ") == 2
    assert ran.out.splitlines()[-1] == "Not proven: gap (1) and body (2)."


def test_a_lost_acknowledgement_is_a_repeat(site: Site) -> None:
    blob = site.blob()
    site.put(blob)
    site.hub.faults.drop_after_store()
    site.forward(blob)

    ran = audit(site)

    assert ran.status == 1
    assert ran.out.splitlines()[-1] == "Not proven: repeat (1)."
    assert f"repeat: {blob.path}: 1 event with 6 flows told bytes [0, " in ran.out


def test_a_blob_that_was_never_forwarded_and_one_that_the_hub_let_go_of_are_told_apart(
    site: Site, open_hub: OpenHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    never, gone = site.blob(mac="00155D000002"), site.blob()
    site.put(never)
    site.put(gone, [vnet_record(RECORD, number=record) for record in range(5)])
    site.forward(gone, **SMALL)

    hub = open_hub(site.hub.name, retain_bytes=40_000)
    copy(site.hub.events(), hub)
    monkeypatch.setenv("FlowLogEventHub", hub.connection_string)

    ran = audit(site, "--max-lag", "0s")

    kept = hub.events()
    assert ran.status == 1
    assert 1 <= len(kept) < 5
    start = kept[0].properties["rangeStart"]
    assert f"behind: {never.path}: never forwarded: it has no checkpoint; " in ran.out
    assert (
        f"not provable: {gone.path}: no event accounts for bytes [0, {start}) any more: the hub holds only " in ran.out
    )
    assert ran.out.splitlines()[-1] == "Not proven: behind (1) and not provable (1)."


def test_a_hub_that_cannot_be_read_is_told_in_one_line(site: Site) -> None:
    blob = site.blob()
    site.put(blob)
    site.forward(blob)

    ran = audit(site, "--consumer-group", "nobody")

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"flowlog: localhost/{site.hub.name}")
    assert "consumer group" in ran.err
    assert ran.err.count("\n") == 1


def test_where_there_is_no_blob_nothing_is_proven(site: Site) -> None:
    ran = audit(site)

    assert (ran.status, ran.out) == (2, "")
    assert ran.err == (
        "flowlog: nothing to prove: no flow log of this span was to be forwarded; check what was asked for\n"
    )


def test_tuples_are_counted_anew_at_the_source_where_that_is_asked_for(site: Site) -> None:
    blob = site.blob()
    site.put(blob, [vnet_record(RECORD), nsg_record(["bad"]), vnet_record(RECORD, number=1)])
    site.forward(blob)

    plain, counted = audit(site), audit(site, "--recount")
    data = json.loads(audit(site, "--recount", "--json").out)

    assert (plain.status, counted.status, data["proven"]) == (0, 0, True)
    assert "counted anew" not in plain.out
    assert f"tuples counted anew in the source blobs: {2 * RECORD + 1}\n" in counted.out
    assert data["recountedTuples"] == 2 * RECORD + 1
