"""The command ``backfill``, against Azurite and the local hub."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowlog_core.adapters.storage.checkpoints import CONTAINER
from flowlog_core.source.own_names import CheckpointNames
from local.azurite import Azurite
from local.event_hub.server import EventHub
from tests.integration.cli.site import Ran, Site
from tests.support.flow_logs import vnet_record
from tests.support.forwarding import assert_tiles

ROOT = Path(__file__).resolve().parents[3]
SINCE = ("--since", "10h ago")


def flows_of(site: Site) -> Counter[str]:
    """Count how often each flow arrived, by its id."""
    return Counter(json.loads(line)["id"] for event in site.hub.events() for line in event.body.splitlines())


def figures(ran: Ran) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(ran.out)
    return document


def checkpoints(site: Site) -> set[str]:
    return set(
        site.service.get_container_client(CONTAINER).list_blob_names(name_starts_with=f"localhost/{site.hub.name}")
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_what_was_never_forwarded_is_and_what_is_complete_is_left_alone(site: Site) -> None:
    complete, half, fresh = site.blob(), site.blob(hours_ago=1), site.blob(hours_ago=7)
    for blob in (complete, half):
        site.put(blob, 3)
    site.forward(complete, half)
    site.put(half, 5)
    length = len(site.put(fresh, 4))

    ran = site.run("backfill", *SINCE, "--json")

    assert (ran.status, ran.err) == (0, "")
    told = figures(ran)
    assert (told["wholeAlready"], told["blobs"]["whole"], told["flows"], told["events"]) == (1, 2, 12, 2)
    assert told["bytes"] == length - 2 + len(vnet_record(2, number=3)) + len(vnet_record(2, number=4)) + 2
    arrived = flows_of(site)
    assert (len(arrived), set(arrived.values())) == (6 + 10 + 8, {1})


def test_run_again_it_forwards_nothing_and_says_so(site: Site) -> None:
    site.put(site.blob())
    first = site.run("backfill", *SINCE)

    second = site.run("backfill", *SINCE)

    assert first.out.startswith("blobs: 1 forwarded, 0 complete already; 2.0 kB, flows: 6, events: 1, quarantined: 0; ")
    assert (second.status, second.out) == (0, "nothing to forward; blobs: 1 complete already\n")
    assert len(site.hub.events()) == 1


def test_where_there_are_no_flow_logs_it_says_so(site: Site) -> None:
    assert site.run("backfill", *SINCE).out == "nothing to forward; there are no flow logs\n"


def test_a_replay_sends_the_same_flows_from_the_start_and_keeps_its_own_progress(site: Site) -> None:
    blob = site.blob()
    data = site.put(blob, [vnet_record(300, number=number) for number in range(4)])
    site.forward(blob)
    first, own = flows_of(site), checkpoints(site)
    arrived = len(site.hub.events())

    ran = site.run("backfill", *SINCE, "--replay", "audit-7")
    again = site.run("backfill", *SINCE, "--replay", "audit-7")

    assert (ran.status, again.status) == (0, 0)
    assert again.out == "replay audit-7: nothing to forward; blobs: 1 complete already\n"
    assert flows_of(site) == first + first
    replayed = site.hub.events()[arrived:]
    assert {event.properties["replay"] for event in replayed} == {"audit-7"}
    keys = ("rangeStart", "rangeEnd", "part", "parts")
    assert_tiles([tuple(event.properties[key] for key in keys) for event in replayed], len(data) - 2)  # type: ignore[misc]  # four ints
    assert len(replayed) > 2
    assert checkpoints(site) - own == {f"localhost/{site.hub.name}/replay=audit-7/{blob.path}"}
    assert site.run("backfill", *SINCE).out.startswith("nothing to forward")


def test_a_dry_run_counts_and_leaves_no_trace(
    hub: EventHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Azurite() as azurite:
        site = Site(azurite, hub, monkeypatch, capsys)
        monkeypatch.setenv("FLOWLOG_START", "now")
        lengths = [len(site.put(site.blob(hours_ago=hours), 3)) for hours in (0, 5)]

        ran = site.run("backfill", *SINCE, "--dry-run", "--json")

        told = figures(ran)
        assert (ran.status, told["blobs"], told["bytes"]) == (0, 2, sum(lengths))
        assert (told["wholeAlready"], told["archived"]) == (0, 0)
        assert [container.name for container in site.service.list_containers()] == [site.container]
        assert hub.counters().transfers == 0
        plain = site.run("backfill", *SINCE, "--dry-run").out
        assert plain == "blobs: 2 to forward (4.1 kB), 0 complete already, 0 archived\n"
        site.close()


def test_archived_blobs_are_told_and_skipped_with_the_remedy(site: Site) -> None:
    archived, sound = site.blob(), site.blob(hours_ago=1)
    for blob in (archived, sound):
        site.put(blob)
    site.service.get_blob_client(archived.container, archived.name).set_standard_blob_tier("Archive")

    dry = site.run("backfill", *SINCE, "--dry-run")
    ran = site.run("backfill", *SINCE)

    assert (dry.status, dry.out) == (1, "blobs: 1 to forward (2.0 kB), 0 complete already, 1 archived\n")
    assert ran.status == 1
    assert ran.out.startswith("blobs: 1 forwarded, 0 complete already, 1 not complete; ")
    first, second = ran.err.splitlines()
    assert first == f"flowlog: {archived}: it is in the archive tier"
    assert "rehydrate" in second
    assert len(flows_of(site)) == 6


def test_of_very_many_faults_the_first_are_told_and_the_others_counted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowlog_core.operations.backfill.report.MOST_FAULTS", 1)
    for hours_ago in range(3):
        blob = site.blob(hours_ago=hours_ago)
        site.put(blob)
        site.service.get_blob_client(blob.container, blob.name).set_standard_blob_tier("Archive")

    ran = site.run("backfill", *SINCE)

    first, second, _ = ran.err.splitlines()
    assert first.endswith("it is in the archive tier")
    assert second == "flowlog: and 2 more"


def test_a_fault_on_one_blob_is_told_and_the_others_are_forwarded(site: Site) -> None:
    faulty, *sound = (site.blob(hours_ago=hours) for hours in range(3))
    for blob in (faulty, *sound):
        site.put(blob)
    site.forward(faulty)
    checkpoint = CheckpointNames(f"localhost/{site.hub.name}").of(faulty)
    site.service.get_blob_client(CONTAINER, checkpoint).set_blob_metadata({"schema": "9"})

    ran = site.run("backfill", *SINCE, "--json")

    assert ran.status == 1
    assert figures(ran)["blobs"] | {"whole": 2, "failed": 1} == figures(ran)["blobs"]
    assert [(fault["blob"], fault["ending"]) for fault in figures(ran)["faults"]] == [(faulty.path, "failed")]
    first, second = ran.err.splitlines()
    assert first.startswith(f"flowlog: {faulty}: {CONTAINER}/{checkpoint}: a later version wrote it (schema 9, ")
    assert "the same command" in second
    assert len(flows_of(site)) == 18


def test_hours_whose_checkpoints_have_expired_are_refused_unless_replayed(site: Site) -> None:
    site.put(site.blob(hours_ago=100))

    refused = site.run("backfill", "--since", "38d ago")

    assert (refused.status, refused.out) == (2, "")
    assert refused.err.count("\n") == 1
    assert "--replay LABEL" in refused.err
    assert site.hub.events() == []
    earliest = refused.err.split("before ")[1].split(": ")[0]
    assert site.run("backfill", "--since", earliest, "--dry-run").status == 0
    assert site.run("backfill", "--since", "5d ago", "--checkpoint-days", "4").status == 2
    assert site.run("backfill", "--since", "38d ago", "--checkpoint-days", "0", "--dry-run").status == 0
    assert site.run("backfill", "--since", "38d ago", "--replay", "audit-7").status == 0
    assert len(flows_of(site)) == 6


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--replay", "a/b"), "letters, digits"),
        (("--replay", "x" * 41), "letters, digits"),
        (("--replay", "quarantine"), "quarantine"),
        (("--workers", "0"), "from 1 to"),
        (("--checkpoint-days", "-1"), "from 0 to"),
    ],
)
def test_arguments_that_will_not_do_are_refused(site: Site, arguments: tuple[str, str], reason: str) -> None:
    ran = site.run("backfill", *SINCE, *arguments)

    assert ran.status == 2
    assert reason in ran.err


def test_a_hub_that_cannot_be_reached_is_told_before_anything_is_begun(site: Site) -> None:
    site.put(site.blob())
    site.hub.stop()

    ran = site.run("backfill", *SINCE)

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"flowlog: localhost/{site.hub.name}: ")
    assert checkpoints(site) == set()


def test_a_connection_that_breaks_is_told_and_opened_again(site: Site) -> None:
    site.put(site.blob())
    site.hub.faults.drop_before_store(2)  # the client itself tries once more

    ran = site.run("backfill", *SINCE)

    assert ran.status == 0
    assert ran.err.startswith(f"flowlog: localhost/{site.hub.name}: ")
    assert ran.err.endswith("; trying again\n")
    assert len(flows_of(site)) == 6


def test_beside_the_running_app_every_flow_arrives_once_and_the_audit_is_clean(site: Site) -> None:
    blobs = [site.blob(hours_ago=number % 8, mac=f"00155D{number:06}") for number in range(20)]
    for blob in blobs:
        site.put(blob, 4)
    services = site.services()
    forwarder = services.forwarder(site.read_settings({}).forward)
    by_app: list[int] = []

    def run_app() -> None:
        wait_for(lambda: site.hub.counters().events > 0)
        for blob in sorted(blobs, key=lambda blob: blob.name, reverse=True):
            by_app.extend(report.flows for report in forwarder.forward(blob).passes)

    site.hub.faults.ack_delay = 0.02
    app = threading.Thread(target=run_app)
    app.start()
    ran = site.run("backfill", *SINCE, "--json")
    app.join()

    assert ran.status == 0
    by_backfill = figures(ran)["flows"]
    assert by_backfill > 0
    assert sum(by_app) > 0
    assert by_backfill + sum(by_app) == 20 * 8
    assert set(flows_of(site).values()) == {1}
    assert len(flows_of(site)) == 20 * 8
    audited = site.run("audit", *SINCE)
    assert audited.status == 0
    assert "Proven: 20 of 20 blobs are complete on the hub, with 160 flows in " in audited.out


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "flowlog_core", "backfill", *SINCE, *arguments]
    return subprocess.Popen(  # noqa: S603 # this checkout's own program
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )


def interrupted(site: Site, *arguments: str, sends: int, by: signal.Signals = signal.SIGINT) -> Ran:
    """Start a backfill on a slow hub, and end it by a signal once the hub has taken so many sends."""
    before = site.hub.counters().accepted
    site.hub.faults.ack_delay = 0.1
    with start(*arguments) as process:
        wait_for(lambda: site.hub.counters().accepted >= before + sends or process.poll() is not None)
        process.send_signal(by)
        out, err = process.communicate(timeout=30)
    site.hub.faults.ack_delay = 0
    return Ran(process.returncode, out, err)


def leased(site: Site) -> list[str]:
    listed = site.service.get_container_client(CONTAINER).list_blobs(name_starts_with=f"localhost/{site.hub.name}")
    return [blob.name for blob in listed if blob.lease.state == "leased"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_in_mid_blob_it_commits_and_releases_and_run_again_it_goes_on(
    site: Site, number: signal.Signals
) -> None:
    for hours_ago in range(2):
        site.put(site.blob(hours_ago=hours_ago), [vnet_record(200, number=number) for number in range(150)])

    ran = interrupted(site, sends=4, by=number)

    assert ran.status == 130
    assert "Traceback" not in ran.err
    assert ran.err.splitlines()[-1] == "flowlog: interrupted; the same command goes on where it was"
    assert 0 < len(flows_of(site)) < 60_000
    assert leased(site) == []

    again = site.run("backfill", *SINCE)

    assert again.out.startswith("blobs: 2 forwarded, 0 complete already; ")
    arrived = flows_of(site)
    assert (len(arrived), set(arrived.values())) == (60_000, {1})


def test_a_replay_of_many_blobs_that_was_interrupted_goes_on_with_the_same_label(site: Site) -> None:
    for number in range(30):
        site.put(site.blob(mac=f"00155D{number:06}"), 4)

    ran = interrupted(site, "--replay", "audit-7", sends=6)

    assert ran.status == 130
    assert 0 < len(flows_of(site)) < 30 * 8
    assert site.run("backfill", *SINCE, "--replay", "audit-7").status == 0
    arrived = flows_of(site)
    assert (len(arrived), set(arrived.values())) == (30 * 8, {1})
