"""Whatever names, logs, events, documents, settings and arguments hold: what any command writes is safe to show."""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubProducerClient

from flowlog_core.adapters import credentials
from flowlog_core.cli import command_line
from flowlog_core.source.blob import SourceBlob
from tests.integration.cli.quarantined import TUPLE, put
from tests.integration.cli.site import Ran, Site
from tests.support.flow_logs import document, nsg_record, vnet_record
from tests.support.hostile import CONTROLS, HOSTILE, SECRET, SECRETS, harm_in

# A listing is XML, which has no place for the other control characters.
IN_A_NAME = "".join(each for each in CONTROLS if each >= " ") + f"sig={SECRET} AccountKey={SECRET}"
GIVEN = HOSTILE.replace("\x00", "")  # neither arguments nor the environment can hold a NUL
RECORDS = [
    nsg_record([TUPLE, HOSTILE, "1795000000,10.0.0.4,10.1.0.1,1,2,T,O,A,B,,,,\x1b"]),
    vnet_record(2, rule=HOSTILE),
]
READ = ("--from-start", "--until-end")

COMMANDS = [
    ("status",),
    ("status", "--json", "--verbose"),
    ("tail", *READ),
    ("tail", *READ, "--verbose", "--rule", GIVEN),
    ("tail", *READ, "--json"),
    ("audit", "--since", "3h ago", "--max-lag", "0s"),
    ("audit", "--since", "3h ago", "--max-lag", "0s", "--json", "--verbose"),
    ("quarantine", "list"),
    ("quarantine", "list", "--json"),
    ("quarantine", "list", "--names"),
    ("quarantine", "list", "--verbose", "--reason", GIVEN),
    ("quarantine", "replay", "--dry-run", "--json"),
    ("quarantine", "replay", "--dry-run", "--verbose"),
    ("report", "--since", "3h ago", "--by", "rule"),
    ("report", "--since", "3h ago", "--by", "rule", "--json"),
    ("backfill", "--since", "3h ago", "--dry-run"),
    ("backfill", "--since", "3h ago", "--replay", "x", "--verbose"),
    ("backfill", "--since", "3h ago", "--json"),
    ("quarantine", "replay", "--yes"),
]
OF_FILES = [
    ("decode",),
    ("decode", "--verbose", "--fields", "+blob"),
    ("decode", "--format", "csv", "--fields", "+blob"),
    ("decode", "--format", "table"),
    ("decode", "--format", "table", "--fields", "rule,blob"),
    ("decode", "--blob", GIVEN, "--fields", "+blob"),
    ("report", "--by", "rule"),
    ("report", "--by", "rule", "--json", "--verbose"),
]


def run(site: Site, arguments: Sequence[str]) -> Ran:
    ran = site.run(*arguments)
    assert (harm_in(ran.out), harm_in(ran.err)) == ([], []), (arguments, ran)
    return ran


def leaves(parser: argparse.ArgumentParser, *names: str) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Give the commands and their actions, by name."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield names, parser
    for action in below:
        for name, each in action.choices.items():
            yield from leaves(each, *names, name)


LEAVES = dict(leaves(command_line()))


def test_every_command_is_run_here_and_in_each_shape_of_its_output() -> None:
    def runs(name: tuple[str, ...], *options: str) -> bool:
        return any(each[: len(name)] == name and set(options) <= set(each) for each in (*COMMANDS, *OF_FILES))

    for name, parser in LEAVES.items():
        shapes = {"--json", "--names", "--format", "--verbose"} & set(parser._option_string_actions)
        if name == ("quarantine", "show"):  # it takes a name; see below
            assert shapes == {"--verbose"}
        else:
            assert [(name, shape) for shape in shapes if not runs(name, shape)] == []


@pytest.fixture
def hostile(site: Site) -> Site:
    """A site that somebody has filled with whatever does harm."""
    blob = site.blob(resource=IN_A_NAME)
    site.put(blob, RECORDS)
    site.put(site.blob(hours_ago=1, mac=IN_A_NAME), RECORDS)
    site.forward(blob)
    put(site, blob, HOSTILE.encode(), reason=HOSTILE)
    put(site, site.blob(hours_ago=1), RECORDS[0], reason=HOSTILE, tuples=((1, HOSTILE), (2, HOSTILE)))
    site.service.get_blob_client("flowlog-quarantine", f"{blob.path}/1-00000000.json").upload_blob(HOSTILE.encode())
    send(site, blob)
    return site


def send(site: Site, blob: SourceBlob) -> None:
    """Send what anybody may who may send: events that say that they are the forwarder's, and others."""
    flow = dict.fromkeys(("id", "time", "srcIp", "srcPort", "destIp", "destPort", "protocol", "decision"), HOSTILE)
    bodies = [json.dumps(flow | {"rule": HOSTILE}, ensure_ascii=False).encode(), HOSTILE.encode()]
    ours: dict[str | bytes, Any] = {"generation": 0, "rangeStart": 0, "rangeEnd": 5, "part": 0, "parts": 1, "flows": 1}
    texts: dict[str | bytes, Any] = dict.fromkeys(("firstId", "lastId", "fields", "producer", "replay"), HOSTILE)
    texts |= {"schema": "flow/1", "quarantined": 0}
    with EventHubProducerClient.from_connection_string(site.hub.connection_string, eventhub_name=site.hub.name) as hub:
        for body in bodies:
            for properties in (ours | texts | {"blob": blob.path}, ours | texts | {"blob": HOSTILE}, texts):
                event = EventData(body)
                event.properties = properties
                event.content_type = "application/x-ndjson"
                hub.send_event(event, partition_id="0")


def test_what_is_stored_and_sent_does_no_harm(hostile: Site) -> None:
    for arguments in COMMANDS:
        run(hostile, arguments)

    blob = hostile.blob(resource=IN_A_NAME)
    assert run(hostile, ("quarantine", "show", "--blob", blob.path)).out
    for name in run(hostile, ("quarantine", "list", "--names")).out.splitlines():
        assert run(hostile, ("quarantine", "show", "--verbose", "--", name)).status in {0, 2}


def test_a_log_does_no_harm_nor_does_its_name(site: Site, tmp_path: Path) -> None:
    for name in (IN_A_NAME.encode(), b"\xff\x1b[2J.json"):
        file = tmp_path.joinpath(name.decode(errors="surrogateescape"))
        file.write_bytes(document(RECORDS))
        for arguments in OF_FILES:
            assert run(site, (*arguments, str(file))).status == 1
            assert run(site, (*arguments, f"{file}.gone")).status == 2
        file.write_bytes(HOSTILE.encode())
        for arguments in OF_FILES:
            assert run(site, (*arguments, str(file))).status == 2


@pytest.mark.parametrize(("form", "lines"), [("ndjson", 3), ("csv", 4), ("table", 4)])
def test_a_line_end_in_a_rule_begins_no_line_of_its_own(site: Site, tmp_path: Path, form: str, lines: int) -> None:
    log = tmp_path / "PT1H.json"
    log.write_bytes(document([vnet_record(3, rule="x\n00:00:00.000 10.0.0.1:1 10.0.0.2:22 TCP in allow\r\u2028y")]))

    assert run(site, ("decode", "--format", form, str(log))).out.count("\n") == lines


def test_a_page_of_plots_does_no_harm(site: Site, tmp_path: Path) -> None:
    log, page = tmp_path / "PT1H.json", tmp_path / "page.html"
    log.write_bytes(document(RECORDS))

    assert run(site, ("report", "--by", "rule", "--html", str(page), str(log))).status == 1

    body = page.read_text().partition("<body>")[2]
    assert "owned" in body
    assert harm_in(body) == []


@pytest.mark.parametrize("name", LEAVES, ids=" ".join)
def test_arguments_do_no_harm(site: Site, monkeypatch: pytest.MonkeyPatch, name: tuple[str, ...]) -> None:
    monkeypatch.setitem(credentials._RETRIES, "retry_total", 0)  # Azurite fails at such prefixes of names
    options = [option for option in LEAVES[name]._option_string_actions if option.startswith("--")]

    ending = READ if name == ("tail",) else ()
    for option in options:
        run(site, (*name, *ending, option, GIVEN))
        run(site, (*name, *ending, f"{option}={GIVEN}"))
    run(site, (*name, f"--{GIVEN}"))
    run(site, (*name, "--", GIVEN))
    run(site, (GIVEN, *name))


@pytest.mark.parametrize("value", [GIVEN, f"DefaultEndpointsProtocol=https;AccountName=a;{SECRETS}", SECRETS])
def test_settings_do_no_harm(site: Site, monkeypatch: pytest.MonkeyPatch, value: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    for name in site.settings:
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert run(site, ("status",)).status == 2
            assert run(site, ("tail", *READ)).status == 2
        with monkeypatch.context() as patch:
            patch.delenv(name)
            file.write_text(json.dumps({"Values": {name: value}}))
            assert run(site, ("status", "--settings", str(file), "--verbose")).status == 2


@pytest.mark.parametrize("verbose", [(), ("--verbose",)])
def test_an_error_that_nobody_foresaw_is_a_line_and_does_no_harm(
    site: Site, monkeypatch: pytest.MonkeyPatch, verbose: tuple[str, ...]
) -> None:
    def fail(_: object) -> int:
        raise ValueError(HOSTILE) from KeyError(HOSTILE)

    monkeypatch.setattr("flowlog_core.cli.status._status", fail)

    ran = run(site, ("status", *verbose))

    assert (ran.status, ran.out) == (2, "")
    assert ("Traceback" in ran.err, "KeyError" in ran.err) == (bool(verbose), bool(verbose))
    assert ran.err.splitlines()[-1].startswith("flowlog: this was not foreseen: ValueError: x\\x1b]0;owned")
    assert len(ran.err.splitlines()) == 1 or verbose
