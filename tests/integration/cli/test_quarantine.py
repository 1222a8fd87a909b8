"""The command ``quarantine``, against real servers."""

import io
import json
import sys
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest

from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.operations.quarantine.replay import Recovered, Recovery
from flowlog_core.operations.quarantine_store import StoredItem
from flowlog_core.source.blob import SourceBlob
from tests.integration.cli.site import HOUR, Site
from tests.support.flow_logs import document, nsg_record, vnet_record

FOUND = datetime(2026, 11, 20, 23, 7, 1, tzinfo=UTC)
TUPLE = "1795000000,10.0.0.4,10.1.0.1,1024,443,T,O,A,B,,,,"
OLD_REASON = "VNet flow log version 4 is not known"


def put(site: Site, blob: SourceBlob, raw: bytes, /, *, offset: int = 12, **more: Any) -> QuarantineItem:
    """Put in quarantine what an older version could not decode."""
    values = {"reason": OLD_REASON, "raw": raw, **more}
    item = QuarantineItem(blob, offset, len(raw), zlib.crc32(raw), **values)
    site.services().quarantine.put(item, FOUND)
    return item


def put_some(site: Site) -> list[QuarantineItem]:
    """Put the items of three hours there, the latest first."""
    bad = (((1, "no source port"), (2, "no decision")), "2 of 3 tuples give no flow")
    return [
        put(site, site.blob(), nsg_record([TUPLE] * 3), tuples=bad[0], reason=bad[1]),
        put(site, site.blob(hours_ago=1), vnet_record(2), reason="NSG flow log version 7 is not known"),
        put(site, site.blob(hours_ago=2, mac="00155D000002"), b"{broken", offset=700, reason="not valid JSON: x"),
    ]


def flows(site: Site) -> list[dict[str, Any]]:
    return [json.loads(line) for event in site.hub.events() for line in event.body.splitlines()]


def names(site: Site) -> list[str]:
    return site.run("quarantine", "list", "--names").out.splitlines()


# list


def test_an_empty_quarantine_is_told_as_well(site: Site) -> None:
    ran = site.run("quarantine", "list")

    assert (ran.status, ran.err) == (0, "")
    assert ran.out == "0 items, for 0 records and tuples\n"


def test_a_list_tells_what_is_there_since_when_and_why(site: Site) -> None:
    items = put_some(site)

    ran = site.run("quarantine", "list")

    assert (ran.status, ran.err) == (1, "")
    header, *rows = ran.out.splitlines()
    assert header.split() == ["HOUR", "MAC", "OFFSET", "COUNT", "SINCE", "REASON"]
    hour = f"{site.hour - 2 * HOUR:%Y-%m-%dT%H:%MZ}"
    assert rows[0].split() == [hour, "00155D000002", "700", "1", "2026-11-20T23:07:01Z", "not", "valid", "JSON:", "x"]
    assert rows[2].endswith("2 of 3 tuples give no flow: no source port, no decision")
    assert ["1", "no", "decision"] in [row.split() for row in rows]
    assert rows[-1] == "3 items, for 4 records and tuples"
    assert len(items) == 3


def test_a_list_can_be_had_as_json(site: Site) -> None:
    late, _, _ = put_some(site)

    ran = site.run("quarantine", "list", "--json", "--reason", "TUPLES")

    found = json.loads(ran.out)
    assert found["totals"] == {
        "items": 1,
        "unreadable": 0,
        "count": 2,
        "reasons": {"no source port": 1, "no decision": 1},
    }
    assert found["items"] == [
        {
            "name": late.name,
            "blob": late.blob.path,
            "hour": f"{site.hour:%Y-%m-%dT%H:%M:%SZ}",
            "macAddress": "00155D000001",
            "offset": 12,
            "length": late.length,
            "crc": f"{late.crc:08x}",
            "byReference": False,
            "time": "2026-11-20T23:07:01Z",
            "count": 2,
            "reason": "2 of 3 tuples give no flow",
            "reasons": {"no source port": 1, "no decision": 1},
        }
    ]


def test_a_list_is_of_the_hours_and_the_reason_asked_for(site: Site) -> None:
    late, middle, early = put_some(site)

    def listed(*arguments: str) -> list[str]:
        return site.run("quarantine", "list", "--names", *arguments).out.splitlines()

    hour = f"{site.hour - HOUR:%Y-%m-%dT%H:%M}"
    assert listed() == [early.name, middle.name, late.name]
    assert listed("--since", hour) == [middle.name, late.name]
    assert listed("--since", hour, "--until", f"{site.hour:%Y-%m-%dT%H:%M}") == [middle.name]
    assert listed("--reason", "version 7") == [middle.name]
    assert listed("--prefix", late.blob.name) == [late.name]
    assert listed("--prefix", "nothing") == []
    assert listed("--container", "other") == []


def test_nothing_of_the_records_is_in_a_list(site: Site) -> None:
    put_some(site)

    for shape in ([], ["--json"], ["--names"]):
        assert "10.0.0.4" not in site.run("quarantine", "list", *shape).out


def test_a_name_with_brackets_and_marks_of_direction_is_shown_as_text(site: Site) -> None:
    put(site, SourceBlob("devstoreaccount1", site.container, "a/[bold]x\u202ey/PT1H.json"), b"x")

    ran = site.run("quarantine", "list")

    assert "[bold]x\\u202ey/PT1H.json" in ran.out


def test_what_is_no_item_is_told_and_the_others_are_listed(site: Site) -> None:
    item = put(site, site.blob(), b"x")
    name = f"{item.blob.path}/1-00000000.json"
    site.service.get_blob_client("flowlog-quarantine", name).upload_blob(b"{}")

    ran = site.run("quarantine", "list", "--json")

    assert ran.status == 1
    assert [each["name"] for each in json.loads(ran.out)["items"]] == [item.name]
    assert ran.err.startswith(f"flowlog: {name}: not an item")
    assert site.run("quarantine", "show", name).status == 2
    assert site.run("quarantine", "replay", "--yes").status == 1


# show


def test_an_item_is_shown_in_full(site: Site) -> None:
    late, _, _ = put_some(site)

    ran = site.run("quarantine", "show", late.name)

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[:7] == [
        f"name    {late.name}",
        f"blob    {late.blob.path}",
        f"place   offset 12, {late.length:,} bytes, CRC-32 {late.crc:08x}",
        "since   2026-11-20T23:07:01Z",
        "reason  2 of 3 tuples give no flow",
        f"tuple   1: no source port: {TUPLE}",
        f"tuple   2: no decision: {TUPLE}",
    ]
    assert json.loads(ran.out.partition("\n\n")[2]) == json.loads(late.raw or b"")


def test_items_of_a_blob_are_shown_and_the_one_at_an_offset(site: Site) -> None:
    blob = site.blob()
    put(site, blob, b"{broken", offset=12)
    put(site, blob, b"{worse", offset=50)

    both = site.run("quarantine", "show", "--blob", blob.path)
    one = site.run("quarantine", "show", "--blob", blob.path, "--offset", "50")

    assert ("{broken" in both.out, "{worse" in both.out) == (True, True)
    assert ("{broken" in one.out, "{worse" in one.out) == (False, True)
    assert site.run("quarantine", "show", "--blob", blob.path, "--offset", "51").status == 2


def test_bytes_that_are_no_text_are_shown_without_harm(site: Site) -> None:
    item = put(site, site.blob(), b'{"a":"\xff\x1b[2J"\r\n,')

    ran = site.run("quarantine", "show", item.name)

    assert ran.out.splitlines()[-2:] == ['{"a":"\\xff\\x1b[2J"\\r', ","]


def raw_of(site: Site, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, bytes]:
    """Run `show --raw`; give its status, and the bytes that it wrote."""
    with monkeypatch.context() as patch:
        written = io.BytesIO()
        patch.setattr(sys, "stdout", io.TextIOWrapper(written))
        ran = site.run("quarantine", "show", "--raw", *arguments)
        return ran.status, written.getvalue()


def test_the_raw_bytes_alone_can_be_had(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    item = put(site, site.blob(), b'{"a":"\xff\r\n')

    assert raw_of(site, monkeypatch, item.name) == (0, item.raw)


def test_the_raw_bytes_of_an_item_by_reference_are_read_from_its_blob(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = vnet_record(2)
    site.put(site.blob(), [record])
    item = put(site, site.blob(), record, raw=None, reason="record over 3 bytes")

    assert "kept by reference" in site.run("quarantine", "show", item.name).out
    assert raw_of(site, monkeypatch, item.name) == (0, record)

    site.put(site.blob(), [vnet_record(3)])
    ran = site.run("quarantine", "show", "--raw", item.name)
    assert ran.status == 2
    assert "no longer those" in ran.err


def test_it_says_which_items_can_be_shown_where_none_is_named(site: Site) -> None:
    assert site.run("quarantine", "show").status == 2
    assert "there is no such item" in site.run("quarantine", "show", "a/b/c/1-00000000.json").err
    assert "takes account/container/name" in site.run("quarantine", "show", "--blob", "PT1H.json").err


# replay


def test_a_replay_sends_what_the_forwarder_would_have_sent_and_empties_quarantine(site: Site) -> None:
    blob = site.blob()
    records = [vnet_record(3, number=number) for number in range(3)]
    data = site.put(blob, records)
    site.forward(blob)
    forwarded = flows(site)
    offsets = [data.index(record) for record in records]
    put(site, blob, records[0], offset=offsets[0])
    put(site, blob, records[2], offset=offsets[2], tuples=((1, "old"),), reason="1 of 3 tuples give no flow")

    ran = site.run("quarantine", "replay", "--yes")

    assert ran.status == 0
    assert ran.out == "2 items: 4 flows sent; remains: 0 records and tuples of 0 items\n"
    replayed = [event for event in site.hub.events() if event.properties.get("replay") == "quarantine"]
    sent = [json.loads(line) for event in replayed for line in event.body.splitlines()]
    assert sorted(flow["id"] for flow in sent) == sorted(flow["id"] for flow in [*forwarded[:3], forwarded[7]])
    assert all(flow in forwarded for flow in sent)
    assert {event.partition_key for event in replayed} == {blob.mac_address}
    assert names(site) == []
    assert site.run("quarantine", "replay", "--yes").status == 0


def test_what_still_cannot_be_decoded_stays_and_is_told(site: Site) -> None:
    mixed = put(site, site.blob(), nsg_record([TUPLE, "rubbish"]))
    broken = put(site, site.blob(hours_ago=1), b"{broken")

    ran = site.run("quarantine", "replay", "--yes")

    assert ran.status == 1
    assert len(flows(site)) == 1
    assert ran.out.splitlines() == [
        f"remains: {OLD_REASON}: {broken.name}",
        f"remains: 1 of 2 tuples give no flow: {mixed.name}",
        "2 items: 1 flow sent; remains: 2 records and tuples of 2 items",
    ]
    assert names(site) == [broken.name, mixed.name]
    assert site.run("quarantine", "replay", "--yes").status == 1
    assert len(flows(site)) == 1


def test_a_dry_run_sends_nothing_deletes_nothing_and_asks_nothing(site: Site) -> None:
    items = [put(site, site.blob(), vnet_record(2)), put(site, site.blob(hours_ago=1), b"{broken")]

    ran = site.run("quarantine", "replay", "--dry-run", "--json")

    assert ran.status == 1
    assert json.loads(ran.out) == {
        "items": [
            {"name": items[1].name, "flows": 0, "remains": 1, "reason": OLD_REASON},
            {"name": items[0].name, "flows": 2, "remains": 0, "reason": None},
        ],
        "totals": {"items": 2, "flows": 2, "remainingItems": 1, "remains": 1},
    }
    assert (flows(site), len(names(site))) == ([], 2)


def test_kept_items_are_sent_and_stay_without_a_question(site: Site) -> None:
    put(site, site.blob(), vnet_record(2))

    assert site.run("quarantine", "replay", "--keep").status == 0
    assert (len(flows(site)), len(names(site))) == (2, 1)


def test_nothing_is_deleted_without_a_yes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    put(site, site.blob(), vnet_record(2))

    nobody = site.run("quarantine", "replay")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", Person("n\n"))
        refused = site.run("quarantine", "replay")
        patch.setattr(sys, "stdin", Person("y\n"))
        agreed = site.run("quarantine", "replay")

    assert (nobody.status, refused.status, agreed.status) == (2, 1, 0)
    assert "of 1 item to" in nobody.err
    assert "--yes" in nobody.err
    assert (len(flows(site)), names(site)) == (2, [])


class Person(io.StringIO):
    """Somebody at a terminal."""

    def isatty(self) -> bool:
        return True


def test_only_what_is_named_or_selected_is_replayed(site: Site) -> None:
    items = [put(site, site.blob(hours_ago=hours), vnet_record(1, number=hours)) for hours in range(4)]

    named = site.run("quarantine", "replay", "--yes", items[0].name, items[1].name)
    selected = site.run("quarantine", "replay", "--yes", "--since", f"{site.hour - 2 * HOUR:%Y-%m-%dT%H:%M}")

    assert (named.status, selected.status) == (0, 0)
    assert len(flows(site)) == 3
    assert names(site) == [items[3].name]
    assert site.run("quarantine", "replay", "--reason", "x", items[3].name).status == 2
    missing = site.run("quarantine", "replay", "--yes", items[0].name)
    assert (missing.status, "there is no such item" in missing.out) == (1, True)


def test_a_hub_that_cannot_be_reached_costs_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    put(site, site.blob(), vnet_record(2))
    monkeypatch.setenv(
        "FlowLogEventHub",
        "Endpoint=sb://localhost:1;SharedAccessKeyName=n;SharedAccessKey=a2V5;UseDevelopmentEmulator=true",
    )
    monkeypatch.setenv("FLOWLOG_RUN_SECONDS", "5")

    ran = site.run("quarantine", "replay", "--yes")

    assert (ran.status, ran.out) == (2, "")
    *waited, so_far, reason = ran.err.splitlines()
    assert waited
    assert all(line.startswith("flowlog: the hub can't be reached; trying again in ") for line in waited)
    assert (
        so_far == "flowlog: not done to the end; so far 0 items: 0 flows sent; remains: 0 records and tuples of 0 items"
    )
    assert "Connection refused" in reason
    assert len(names(site)) == 1


def test_a_replay_that_is_interrupted_ends_cleanly_and_tells_how_far_it_came(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [put(site, site.blob(hours_ago=hours), vnet_record(1, number=hours)) for hours in range(2)]
    recover = Recovery.recover

    def interrupted(recovery: Recovery, stored: StoredItem) -> Recovered:
        if stored.name == items[0].name:
            raise KeyboardInterrupt
        return recover(recovery, stored)

    monkeypatch.setattr(Recovery, "recover", interrupted)
    ran = site.run("quarantine", "replay", "--yes")

    assert ran.status == 130
    assert ran.err.splitlines() == [
        "flowlog: not done to the end; so far 1 item: 1 flow sent; remains: 0 records and tuples of 0 items"
    ]
    assert names(site) == [items[0].name]


def test_an_item_that_an_app_put_there_is_replayed(site: Site) -> None:
    """The whole way: the app rejects a tuple for its event's limit, and a larger limit takes it."""
    blob = site.blob()
    long = vnet_record(1, rule="r" * 20_000)
    site.put(blob, [long, vnet_record(1, number=1)])
    site.forward(blob, FLOWLOG_EVENT_MAX_BYTES="16384")
    assert len(flows(site)) == 1

    assert site.run("quarantine", "replay", "--yes").status == 0

    assert [len(flow["rule"]) for flow in flows(site)][1:] == [20_000]
    assert site.run("quarantine", "list").status == 0


def test_documents_of_records_are_read_by_either_encoding(site: Site) -> None:
    raw = b'{"\xff":1},' + vnet_record(2)
    item = put(site, site.blob(), raw)

    ran = site.run("quarantine", "replay", "--yes")

    assert (ran.status, len(flows(site))) == (1, 2)
    assert names(site) == [item.name]
    assert "remains offset 12" in site.run("quarantine", "show", item.name).out
    assert document([raw])[12:-2] == raw


def test_of_many_items_that_remain_some_are_named_and_with_verbose_all(site: Site) -> None:
    site.put(site.blob(), [nsg_record(["rubbish"])] * 25)
    site.forward(site.blob())

    some, every = site.run("quarantine", "replay", "--yes"), site.run("quarantine", "replay", "--yes", "--verbose")

    assert some.out.count("remains: 1 of 1 tuples") == 20
    assert "remains: more; --verbose names them" in some.out
    assert every.out.count("remains: 1 of 1 tuples") == 25
    assert some.out.splitlines()[-1] == every.out.splitlines()[-1]
