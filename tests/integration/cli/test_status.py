"""The command ``status``, against Azurite and the local hub."""

import json
from functools import partial

import pytest

from flowlog_core.cli.output.progress import progress
from flowlog_core.cli.output.terminal import sized
from tests.integration.cli.site import HOUR, Site
from tests.support.flow_logs import vnet_record


def test_where_all_is_forwarded_the_status_is_0_and_each_hour_has_a_line(site: Site) -> None:
    blobs = [site.blob(), site.blob(mac="00155D000002"), site.blob(hours_ago=1)]
    lengths = [len(site.put(blob)) for blob in blobs]
    site.forward(*blobs)

    ran = site.run("status")

    assert (ran.status, ran.err) == (0, "")
    header, earlier, later, total = [line.split() for line in ran.out.splitlines()]
    assert header[:4] == ["SOURCE", "CONTAINER", "HOUR", "BLOBS"]
    assert [earlier[3], later[3], total[1]] == ["1", "2", "3"]
    assert earlier[:3] == ["FlowLogStorage", site.container, f"{blobs[2].hour:%Y-%m-%dT%H:%MZ}"]
    length = sized(sum(lengths[:2])).split()
    assert later[4:] == [*length, *length, "0", "bytes", "-", "0", "0"]


def test_a_blob_behind_for_too_long_is_named_and_the_status_is_1(site: Site) -> None:
    blob = site.blob()
    data = site.put(blob)

    waiting = site.run("status")
    late = site.run("status", "--max-lag", "0s")

    assert (waiting.status, late.status) == (0, 1)
    assert blob.path not in waiting.out
    behind = late.out.splitlines()[-1]
    assert behind.startswith(f"behind by {sized(len(data))} for ")
    assert behind.endswith(f": {blob.path}")


def test_json_has_the_same_figures_exactly(site: Site) -> None:
    complete, behind = site.blob(), site.blob(mac="00155D000002")
    length = len(site.put(complete))
    site.forward(complete)
    site.put(behind, [vnet_record(7)])
    appended = len(site.put(complete, [vnet_record(2, number=number) for number in range(4)]))

    ran = site.run("status", "--json", "--max-lag", "0s")

    assert ran.status == 1
    document = json.loads(ran.out)
    (row,) = document["rows"]
    assert (row["source"], row["container"], row["hour"]) == (
        "FlowLogStorage",
        site.container,
        f"{complete.hour:%Y-%m-%dT%H:%M:%SZ}",
    )
    assert (row["blobs"], row["waiting"], row["forwardedBytes"]) == (2, 2, length)
    assert row["appendedBytes"] - row["behindBytes"] == length
    assert {late["blob"]: late["behindBytes"] for late in document["latest"]} == {
        complete.path: appended - length,
        behind.path: row["appendedBytes"] - appended,
    }
    assert document["total"]["blobs"] == 2


def test_before_the_first_run_old_blobs_are_left_alone_and_no_first_run_is_noted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWLOG_START", "now")
    site.put(site.blob(hours_ago=1))
    checkpoints = site.services().checkpoints

    ran = site.run("status", "--max-lag", "0s")
    noted = checkpoints.began()
    checkpoints.first_run(site.hour - HOUR)
    after = site.run("status", "--max-lag", "0s")

    assert (ran.status, noted) == (0, None)
    assert (after.status, checkpoints.began()) == (1, site.hour - HOUR)
    assert "left alone, being of hours before FLOWLOG_START: 1 blob" in ran.out


def test_elsewhere_than_on_a_terminal_long_work_tells_in_plain_lines_how_far_it_is(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowlog_core.cli.status.progress", partial(progress, every=0))
    for number in range(2):
        site.put(site.blob(mac=f"{number:012d}"))

    ran = site.run("status", "--json")

    assert ran.err == "1 blobs looked at\n2 blobs looked at\n"
    assert json.loads(ran.out)["total"]["blobs"] == 2


def test_only_what_is_asked_for_is_looked_at(site: Site) -> None:
    site.put(site.blob(resource="ONE"))
    site.put(site.blob(resource="TWO"))
    site.put(site.blob(resource="TWO", hours_ago=2))

    ran = site.run("status", "--json", "--since", "2h ago", "--prefix", "flowLogResourceID=/TWO/")
    unknown = site.run("status", "--source", "Nobody")

    assert json.loads(ran.out)["total"]["blobs"] == 1
    assert (unknown.status, unknown.err.count("\n")) == (2, 1)


def test_a_state_account_that_refuses_is_told_in_one_line(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.put(site.blob())
    wrong = site.settings["AzureWebJobsStorage"].replace("AccountKey=", "AccountKey=AAAA")
    monkeypatch.setenv("AzureWebJobsStorage", wrong)

    ran = site.run("status")

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("flowlog: listing checkpoints under ")
    assert "not allowed (AuthorizationFailure); check the identity's roles" in ran.err
    assert ran.err.count("\n") == 1
