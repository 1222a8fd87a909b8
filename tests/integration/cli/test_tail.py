"""Flows as they arrive, as an operator watches them."""

import gzip
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubProducerClient

from flowlog_core.cli.output.flow_display import PlainLines
from flowlog_core.cli.output.streams import ERR
from flowlog_core.source.blob import SourceBlob
from tests.integration.cli.site import Site
from tests.support.flow_logs import nsg_record

ROOT = Path(__file__).resolve().parents[3]
ALL = ("--from-start", "--until-end")
TUPLES = [
    "1795000000,203.0.113.9,10.1.0.4,40111,23,T,I,D,B,,,,",
    "1795000001,10.1.0.4,192.0.2.80,23956,443,T,O,A,E,4,1200,6,4800",
    "1795000002,10.1.0.4,192.0.2.53,53124,53,U,O,A,B,,,,",
]


@pytest.fixture(autouse=True)
def deadline(site: Site) -> Iterator[None]:
    """Have the hub go away, so that one who waits for what never comes fails."""
    end = threading.Timer(30, site.hub.stop)
    end.start()
    yield
    end.cancel()


@pytest.fixture
def forwarded(site: Site) -> SourceBlob:
    """A blob of three flows on the hub: telnet denied, HTTPS and DNS allowed."""
    blob = site.blob()
    site.put(blob, [nsg_record(TUPLES)])
    site.forward(blob)
    return blob


def test_what_is_on_the_hub_is_shown_as_aligned_lines(site: Site, forwarded: SourceBlob) -> None:
    ran = site.run("tail", *ALL)

    header, *rows = ran.out.splitlines()
    assert header.split() == ["TIME", "SOURCE", "DESTINATION", "PROTO", "DIR", "DECISION", "STATE", "BYTES", "RULE"]
    telnet = "203.0.113.9:40111 10.1.0.4:23 TCP in deny begin - UserRule_x"
    https = "10.1.0.4:23956 192.0.2.80:443 TCP out allow end 6,000 UserRule_x"
    assert [row.split()[1:] for row in rows[:2]] == [telnet.split(), https.split()]
    assert len({row.index("UserRule") for row in rows} | {header.index("RULE")}) == 1
    assert ran.status == 0
    assert "1 events · 3 flows · 3 shown · lag" in ran.err


def test_json_is_what_was_sent(site: Site, forwarded: SourceBlob) -> None:
    ran = site.run("tail", *ALL, "--json")

    (event,) = site.hub.events()
    assert ran.out.splitlines() == event.body.decode().splitlines()


@pytest.mark.parametrize(
    ("conditions", "ports"),
    [
        (("--direction", "in", "--rule", "userrule"), [23]),
        (("--direction", "outbound", "--port", "23956"), [443]),
        (("--rule", "DefaultRule"), []),
        (("--ip", "203.0.113.9", "--ip", "192.0.2.0/24", "--decision", "allow"), [443, 53]),
        (("--count", "2"), [23, 443]),
    ],
)
def test_only_flows_that_meet_the_conditions_are_shown(
    site: Site, forwarded: SourceBlob, conditions: tuple[str, ...], ports: list[int]
) -> None:
    ran = site.run("tail", *ALL, "--json", *conditions)

    assert [json.loads(line)["destPort"] for line in ran.out.splitlines()] == ports
    assert f"3 flows · {len(ports)} shown" in ran.err


def test_flows_with_few_keys_show_what_they_have_and_conditions_on_others_are_told(site: Site) -> None:
    blobs = site.blob(), site.blob(mac="00155D000002")
    for blob in blobs:
        site.put(blob, [nsg_record(TUPLES)])
    site.forward(*blobs, FLOWLOG_FIELDS="srcIp,destIp,decision")

    ran = site.run("tail", *ALL)
    by_port = site.run("tail", *ALL, "--port", "443", "--decision", "allow")

    assert ran.out.splitlines()[1].split() == ["-", "203.0.113.9", "10.1.0.4", "-", "-", "deny", "-", "-", "-"]
    assert len(by_port.out.splitlines()) == 1
    assert by_port.err.count("flows come without srcPort, destPort (FLOWLOG_FIELDS)") == 1


@pytest.mark.parametrize("schema", ["ocsf", "ecs", "asim"])
def test_flows_of_every_schema_are_found_by_the_same_conditions_and_shown_alike(site: Site, schema: str) -> None:
    blob = site.blob()
    site.put(blob, [nsg_record(TUPLES)])
    site.forward(blob, FLOWLOG_SCHEMA=schema)
    conditions = ("--direction", "in", "--rule", "userrule", "--decision", "deny", "--port", "23")

    shown, written = site.run("tail", *ALL, *conditions), site.run("tail", *ALL, *conditions, "--json")

    (event,) = site.hub.events()
    (row,) = shown.out.splitlines()[1:]
    assert row.split()[1:6] == ["203.0.113.9:40111", "10.1.0.4:23", "TCP", "in", "deny"]
    assert written.out.strip() in event.body.decode().splitlines()
    assert "3 flows · 1 shown" in written.err


def test_an_event_of_another_producer_is_told_once_and_counted(site: Site, forwarded: SourceBlob) -> None:
    with EventHubProducerClient.from_connection_string(
        site.hub.connection_string, eventhub_name=site.hub.name
    ) as another:
        another.send_batch([EventData("hello"), EventData("hello again")])

    ran = site.run("tail", *ALL, "--json")

    assert (ran.status, len(ran.out.splitlines())) == (0, 3)
    assert ran.err.count("not an event of this forwarder") == 1
    assert "3 events (2 not of the forwarder)" in ran.err


def test_an_event_that_is_not_what_it_announces_is_counted_and_the_others_are_shown(
    site: Site, forwarded: SourceBlob
) -> None:
    """Among them 100 MB of nothing that came as 100 kB, and flows of impossible times."""
    (sound,) = site.hub.events()
    properties: Any = sound.properties
    flow = json.dumps({"time": "0001-01-01T00:00:00+14:00", "srcIp": "192.0.2.1"}).encode()
    bodies = {gzip.compress(bytes(100_000_000)): "gzip", b"garbage": None, sound.body[:-1]: None, flow: None}
    with EventHubProducerClient.from_connection_string(site.hub.connection_string, eventhub_name=site.hub.name) as hub:
        for body, encoding in bodies.items():
            event = EventData(body)
            event.properties = properties | ({"flows": 1} if body == flow else {})
            event.content_type = "application/x-ndjson"
            message = event.raw_amqp_message
            assert message.properties is not None
            message.properties.content_encoding = encoding
            hub.send_event(event, partition_id="0")
    site.put(site.blob(mac="00155D000002"), [nsg_record(TUPLES)])
    site.forward(site.blob(mac="00155D000002"))

    ran = site.run("tail", *ALL, "--json")

    shown = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.status, len(shown), {"192.0.2.1"} & {each["srcIp"] for each in shown}) == (0, 7, {"192.0.2.1"})
    assert "6 events (3 not of the forwarder) · 7 flows · 7 shown" in ran.err


def test_a_time_selects_the_events_that_the_hub_took_since(site: Site, forwarded: SourceBlob) -> None:
    assert "0 flows" in site.run("tail", "--since", "now", "--until-end").err
    assert "3 flows" in site.run("tail", "--since", "1h ago", "--until-end").err


def test_what_comes_later_is_awaited(site: Site, forwarded: SourceBlob, monkeypatch: pytest.MonkeyPatch) -> None:
    began = threading.Event()
    totals = PlainLines.totals

    def told(lines: PlainLines, text: str) -> None:
        began.set()
        totals(lines, text)

    monkeypatch.setattr(PlainLines, "totals", told)
    later = site.blob(mac="00155D000002")
    site.put(later, [nsg_record(TUPLES[1:])])

    def forward_later() -> None:
        assert began.wait(20)
        site.forward(later)

    thread = threading.Thread(target=forward_later)
    thread.start()
    ran = site.run("tail", "--count", "1")
    thread.join()

    assert (ran.status, len(ran.out.splitlines())) == (0, 2)
    assert "443" in ran.out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--until-end",), "--until-end takes"),
        (("--since", "1h ago", "--from-start"), "not allowed with"),
        (("--ip", "10.1.0.300"), "takes an address or a network"),
        (("--port", "65536"), "from 0 to 65535"),
        (("--count", "0"), "whole number from 1"),
    ],
)
def test_what_cannot_be_done_is_told(site: Site, forwarded: SourceBlob, arguments: tuple[str, ...], word: str) -> None:
    ran = site.run("tail", *arguments)

    assert ran.status == 2
    assert word in ran.err
    assert "Traceback" not in ran.err


def test_a_consumer_group_that_is_not_there_is_told_in_one_line(site: Site, forwarded: SourceBlob) -> None:
    command = [sys.executable, "-m", "flowlog_core", "tail", "--consumer-group", "soc", *ALL]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 # our own

    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert "consumer group soc" in ran.stderr
    assert "check the names" in ran.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_with_the_totals_alone(site: Site, forwarded: SourceBlob, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "flowlog_core", "tail", "--from-start"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tail:  # noqa: S603 # our own
        assert tail.stdout
        lines = [tail.stdout.readline() for _ in range(4)]
        tail.send_signal(number)
        out, err = tail.communicate(timeout=20)

    assert tail.returncode == 130
    assert ("UserRule_x" in lines[-1], out) == (True, "")
    assert err.splitlines() == [err.strip()]
    assert "1 events · 3 flows · 3 shown" in err


def test_on_a_terminal_it_is_a_table_with_the_totals_below(site: Site, forwarded: SourceBlob) -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": "150", "LINES": "30", "TERM": "xterm"}
    command = [sys.executable, "-m", "flowlog_core", "tail", *ALL]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=theirs, stderr=theirs) as tail:  # noqa: S603 # our own
        os.close(theirs)
        seen = b""
        try:
            while data := os.read(ours, 65_536):
                seen += data
        except OSError:  # so a terminal tells that nobody writes any more
            pass
    os.close(ours)

    assert tail.returncode == 0
    assert re.search(r"\x1b\[31m[\d:.]+ 203\.0\.113\.9:40111 ", seen.decode())
    assert "1 events · 3 flows · 3 shown · lag" in seen.decode()


def test_a_sample_of_a_second_is_spread_over_the_event(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainLines(5, ERR) as lines:
        lines.flows([{"srcIp": str(number)} for number in range(100)])

    assert [row.split()[1] for row in capsys.readouterr().out.splitlines()[1:]] == ["0", "20", "40", "60", "80"]
