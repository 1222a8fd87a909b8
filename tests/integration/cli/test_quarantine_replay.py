"""The command ``quarantine replay``, against real servers."""

import io
import json
import sys
from dataclasses import replace

import pytest

from flowlog_core.decode.quarantine import StoredItem
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.operations.quarantine.replay import Recovered, Recovery
from flowlog_core.source.blob import SourceBlob
from tests.integration.cli.quarantined import FOUND, OLD_REASON, TUPLE, flows, names, put
from tests.integration.cli.site import HOUR, Site
from tests.support.flow_logs import document, nsg_record, vnet_record


def test_a_replay_sends_what_the_forwarder_would_have_sent_and_empties_quarantine(site: Site) -> None:
    blob = site.blob()
    records = [vnet_record(3, number=number) for number in range(3)]
    data = site.put(blob, records)
    site.forward(blob)
    forwarded = flows(site)
    offsets = [data.index(record) for record in records]
    put(site, blob, records[0], offset=offsets[0])
    put(
        site,
        blob,
        records[2],
        offset=offsets[2],
        tuples=(RejectedTuple(1, "old"),),
        reason="1 of 3 tuples give no flow",
    )

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
            {"name": items[1].name, "flows": 0, "remains": 1, "reason": OLD_REASON, "repeats": False},
            {"name": items[0].name, "flows": 2, "remains": 0, "reason": None, "repeats": False},
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


def test_a_made_up_item_is_flagged_and_left_alone_and_the_genuine_one_is_replayed(site: Site) -> None:
    """It lies under a name of its own, says that it is the genuine one, and would be sent and overwrite that."""
    genuine = put(site, site.blob(), vnet_record(2))
    name = genuine.name.replace("/12-", "/13-")
    stranger = SourceBlob("somebodys", "logs", genuine.blob.name)
    made_up = replace(genuine, raw=vnet_record(5), blob=stranger).document(FOUND)
    quarantine = site.service.get_container_client("flowlog-quarantine")
    quarantine.upload_blob(name, made_up)

    listed = site.run("quarantine", "list", "--json")
    shown = site.run("quarantine", "show", name)
    raw = site.run("quarantine", "show", "--raw", name)
    replayed = site.run("quarantine", "replay", "--yes")

    assert listed.status == 1
    totals = json.loads(listed.out)["totals"]
    assert (totals["items"], totals["unreadable"]) == (1, 1)
    for ran in (listed, shown, raw):
        assert f"flowlog: {name}: name and content disagree: the content is that of somebodys/logs/" in ran.err
    assert (shown.status, f"blob    {stranger.path}" in shown.out) == (1, True)
    assert (raw.status, raw.out) == (2, "")
    assert (replayed.status, "1 item: 1 flow sent" in replayed.out) == (1, False)
    assert f"remains: {name}: name and content disagree" in replayed.out
    assert [flow["id"].partition("-")[0] for flow in flows(site)] == [genuine.blob.key] * 2
    assert [blob.name for blob in quarantine.list_blobs() if site.container in blob.name] == [name]
    assert quarantine.download_blob(name).readall() == made_up


def test_an_item_of_an_account_that_is_in_no_setting_is_left_alone(site: Site) -> None:
    item = put(site, SourceBlob("somebodys", site.container, site.blob().name), vnet_record(2))

    ran = site.run("quarantine", "replay", "--yes", "--", item.name)

    assert (ran.status, flows(site)) == (1, [])
    assert "left alone: its storage account is none of FLOWLOG_SOURCES" in ran.out
    assert site.run("quarantine", "show", item.name).status == 0

    by_reference = put(site, item.blob, b"x", raw=None, offset=900)
    ran = site.run("quarantine", "show", "--raw", by_reference.name)
    assert ran.status == 2
    assert "kept by reference, and its blob is not read: its storage account is none of FLOWLOG_SOURCES" in ran.err
