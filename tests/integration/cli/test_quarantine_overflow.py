"""Overflow items on the command line: listed, shown, and replayed from the flow log."""

import json
from dataclasses import replace

from flowlog_core.forwarding.options import QuarantineLimits
from flowlog_core.source.blob import SourceBlob
from tests.integration.cli.quarantined import flows, names
from tests.integration.cli.site import Site
from tests.support.flow_logs import OPENER, vnet_record

UNKNOWN = vnet_record(2, number=9).replace(b'"flowLogVersion":4', b'"flowLogVersion":5')


def flooded(site: Site) -> tuple[SourceBlob, list[bytes]]:
    """Forward a blob with two items too many, of which this version can read one in the end."""
    blob, records = site.blob(), [UNKNOWN, vnet_record(1), UNKNOWN, vnet_record(1, number=1), UNKNOWN]
    site.put(blob, records)
    options = replace(site.read_settings({}).forward, quarantine=QuarantineLimits(items=1))
    site.services().forwarder(options).forward(blob)
    readable = UNKNOWN.replace(b'"flowLogVersion":5', b'"flowLogVersion":4')
    site.put(blob, [*records[:2], readable, *records[3:]])
    return blob, records


def test_an_overflow_item_is_listed_shown_and_replayed(site: Site) -> None:
    blob, records = flooded(site)
    at = [len(OPENER) + sum(len(each) + 1 for each in records[:number]) for number in range(5)]
    name = f"{blob.path}/0-{at[2]}-overflow.json"
    assert names(site)[0] == name

    listed = site.run("quarantine", "list", "--json", "--reason", "most items")
    (item,) = json.loads(listed.out)["items"]
    assert (item["name"], item["offset"], item["count"], item["entries"]) == (name, at[2], 2, 2)
    assert (item["byReference"], item["reasons"]) == (True, {"more than a blob's most items": 2})
    assert "more than a blob's most items" in site.run("quarantine", "list").out

    shown = site.run("quarantine", "show", name)
    assert shown.status == 0
    assert f"entry   offset {at[2]}, {len(UNKNOWN):,} bytes: all of it" in shown.out.splitlines()
    raw = site.run("quarantine", "show", "--raw", name)
    assert (raw.status, "an overflow item has no bytes" in raw.err) == (2, True)

    ran = site.run("quarantine", "replay", "--yes", name)

    assert ran.status == 1
    assert ran.out.splitlines()[-1] == "1 item: 2 flows sent; remains: 1 records and tuples of 1 item"
    assert len(flows(site)) == 4
    left = json.loads(site.run("quarantine", "list", "--json", "--reason", "most items").out)["items"]
    assert [(each["count"], each["entries"]) for each in left] == [(1, 1)]
