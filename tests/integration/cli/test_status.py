"""The command ``status``, against Azurite and the local hub."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from flowlog_core.cli.output.progress import progress
from flowlog_core.cli.output.terminal import sized
from flowlog_core.forwarding.last_sweep import LastSweep
from flowlog_core.forwarding.silence import Newest, Silence
from tests.integration.cli.site import ACCOUNT, HOUR, Site
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
    assert ran.err.startswith("flowlog: reading what sweeps have seen of each container: ")
    assert "not allowed (AuthorizationFailure); check the identity's roles" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["--since", "2020-01-01", "--until", "2020-01-02"], {}),
        ([], {"FLOWLOG_CONTAINERS": "no-such-container"}),
        (["--prefix", "flowLogResourceID=/NONE/"], {}),
    ],
)
@pytest.mark.parametrize("command", ["status", "report"])
def test_where_no_flow_log_is_found_the_status_is_2_and_what_to_check_is_named(
    site: Site, monkeypatch: pytest.MonkeyPatch, command: str, arguments: list[str], settings: dict[str, str]
) -> None:
    site.put(site.blob())
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    since = [] if "--since" in arguments else ["--since", "3h ago"]

    ran = site.run(command, *since, *arguments)
    as_json = site.run(command, *since, *arguments, "--json")

    assert (ran.status, as_json.status) == (2, 2)
    assert ran.err.startswith("flowlog: no flow log of 20")
    assert ran.err.count("\n") == 1
    assert "check the span, --prefix, FLOWLOG_SOURCES and FLOWLOG_CONTAINERS" in ran.err
    assert json.loads(as_json.out)


def test_a_silent_container_is_named_and_the_status_is_1(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.put(site.blob())
    site.forward(site.blob())
    now = datetime.now(UTC)
    kept = Silence({(ACCOUNT, "elsewhere"): Newest(now, seen=True)}, now)
    kept.watch([(ACCOUNT, site.container), (ACCOUNT, "other")], now - timedelta(hours=7))
    services = site.services(FLOWLOG_CONTAINERS="other")
    services.checkpoints.keep_last_sweep(LastSweep(now))
    services.checkpoints.keep_silence(kept)
    monkeypatch.setenv("FLOWLOG_CONTAINERS", "other")

    silent = site.run("status")
    as_json = site.run("status", "--json")

    assert (silent.status, as_json.status) == (1, 1)
    assert silent.err == ""
    last = silent.out.splitlines()[-1]
    assert last == f"silent for 7h: {ACCOUNT}/other; see docs/operations.md, silent sources"
    document = json.loads(as_json.out)
    assert (document["silent"], list(document["silentSeconds"])) == (1, [f"{ACCOUNT}/other"])
