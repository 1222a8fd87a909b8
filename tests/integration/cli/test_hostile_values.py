"""Values that nobody would write in good faith, one of each kind: each is an error in one line, or passed over."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubProducerClient

from flowlog_core.adapters.storage.quarantine import CONTAINER
from tests.integration.cli.quarantined import put
from tests.integration.cli.site import Ran, Site
from tests.support.flow_logs import document, vnet_record

OUTSIDE = ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"]
"""Times outside of the calendar once they are UTC."""

NO_TEXT = os.fsdecode(b"\xff")
"""An argument that is no UTF-8, as Python passes it on."""


def is_foreseen(ran: Ran) -> bool:
    return "Traceback" not in ran.err and "not foreseen" not in ran.err


@pytest.mark.parametrize("time", OUTSIDE)
@pytest.mark.parametrize("command", [("status",), ("audit",), ("backfill",), ("quarantine", "list"), ("tail",)])
def test_a_time_outside_of_the_calendar_is_no_argument(site: Site, command: tuple[str, ...], time: str) -> None:
    ran = site.run(*command, "--since", time)

    assert ran.status == 2
    assert f"{time!r} is no time of the calendar once it is UTC" in " ".join(ran.err.split())


@pytest.mark.parametrize(
    "url",
    ["https://[", "https://host:99999/c/b", "https://a\u2100.blob.core.windows.net/c/b", f"https://{NO_TEXT}.x/c/b"],
)
def test_what_is_no_url_is_told_in_a_line(site: Site, url: str) -> None:
    ran = site.run("decode", url)

    assert (ran.status, ran.err) == (2, "flowlog: no URL: its host, its port or a character in it can't be read\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("quarantine", "show", NO_TEXT),
        ("quarantine", "show", "%ff"),
        ("quarantine", "show", "--blob", f"{NO_TEXT}/a/b"),
        ("quarantine", "replay", "--yes", NO_TEXT),
        ("status", "--since", "2h ago", "--prefix", NO_TEXT),
        ("quarantine", "list", "--prefix", NO_TEXT),
    ],
)
def test_a_name_that_is_no_text_is_no_argument(site: Site, arguments: tuple[str, ...]) -> None:
    ran = site.run(*arguments)

    assert (ran.status, is_foreseen(ran)) == (2, True)
    assert "takes " in ran.err


def test_a_file_whose_name_is_no_text_is_read(site: Site, tmp_path: Path) -> None:
    file = tmp_path / f"{NO_TEXT}.json"
    file.write_bytes(document([vnet_record(2)]))

    assert site.run("decode", str(file)).status == 0
    assert site.run("report", str(file)).status == 0


def test_times_and_nesting_in_a_log_cost_nothing_but_themselves(site: Site, tmp_path: Path) -> None:
    sound, deep = vnet_record(2), b'{"time":"x","flowRecords":' + b'{"a":' * 500 + b"1" + b"}" * 501
    odd = [sound.replace(b"2026-11-20T23:00:30.1234567Z", time.encode()) for time in OUTSIDE]
    file = tmp_path / "log.json"
    file.write_bytes(document([*odd, deep, b"[" * 2000 + b"]" * 2000, sound]))

    ran = site.run("decode", str(file))
    assert (ran.status, len(ran.out.splitlines()), is_foreseen(ran)) == (1, 6, True)
    reported = site.run("report", str(file))
    assert (reported.status, is_foreseen(reported)) == (1, True)


@pytest.mark.parametrize(
    "changed",
    [
        *({"time": time} for time in (*OUTSIDE, "2026-11-20T23:00:00")),
        {"offset": 1e308},
        {"length": -1},
        {"tuples": {"a": 1}},
        {"blob": "x"},
        {"merged": {"a": 10**9}},
    ],
)
def test_an_item_in_quarantine_that_no_run_wrote_is_told_and_the_others_are_listed(
    site: Site, changed: dict[str, object]
) -> None:
    item, other = (put(site, site.blob(hours_ago=hours), vnet_record(1)) for hours in (0, 1))
    blob = site.service.get_blob_client(CONTAINER, item.name)
    fields = json.loads(blob.download_blob().readall())
    blob.upload_blob(json.dumps(fields | changed).encode(), overwrite=True)

    for action in (("list",), ("list", "--json"), ("show", item.name), ("replay", "--dry-run")):
        ran = site.run("quarantine", *action)
        assert is_foreseen(ran)
        assert item.name.rsplit("/", 1)[-1] in ran.err + ran.out
    assert other.name in site.run("quarantine", "list", "--names").out


def test_an_event_nested_500_deep_is_counted_and_passed_over(site: Site) -> None:
    site.forward(*[blob for blob in [site.blob()] if site.put(blob, 1)])
    properties: dict[str | bytes, Any] = {**site.hub.events()[0].properties}  # type: ignore[dict-item]  # as it was sent
    producer = EventHubProducerClient.from_connection_string(site.hub.connection_string, eventhub_name=site.hub.name)
    with producer:
        event = EventData(b'{"a":' + b"[" * 500 + b"]" * 500 + b"}")
        event.content_type = "application/x-ndjson"
        event.properties = {**properties, "flows": 1}
        producer.send_batch([event])

    for shape in ((), ("--json",)):
        ran = site.run("tail", "--from-start", "--until-end", *shape)
        assert (ran.status, is_foreseen(ran)) == (0, True)
        assert "it has a flow of over 32 levels" in ran.err
        assert "1 not of the forwarder" in ran.err
