"""The commands ``quarantine list`` and ``quarantine show``, against real servers."""

import io
import json
import sys

import pytest

from flowlog_core.decode.quarantine import QuarantineItem
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.source.blob import SourceBlob
from tests.integration.cli.quarantined import TUPLE, put
from tests.integration.cli.site import HOUR, Site
from tests.support.flow_logs import nsg_record, vnet_record


def put_some(site: Site) -> list[QuarantineItem]:
    """Put the items of three hours there, the latest first."""
    bad = (RejectedTuple(1, "no source port"), RejectedTuple(2, "no decision", "/properties/flows/0"))
    return [
        put(site, site.blob(), nsg_record([TUPLE] * 3), tuples=bad, reason="2 of 3 tuples give no flow"),
        put(site, site.blob(hours_ago=1), vnet_record(2), reason="NSG flow log version 7 is not known"),
        put(site, site.blob(hours_ago=2, mac="00155D000002"), b"{broken", offset=700, reason="not valid JSON: x"),
    ]


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
        f"tuple   2: /properties/flows/0: no decision: {TUPLE}",
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


def test_raw_bytes_are_not_written_to_a_terminal(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    item = put(site, site.blob(), b"\x1b[2J")
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)

    ran = site.run("quarantine", "show", "--raw", item.name)

    assert (ran.status, ran.out) == (2, "")
    assert "might command a terminal" in ran.err


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
