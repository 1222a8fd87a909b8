"""The add-on for Splunk names keys of the flow, and makes CIM fields of flows of every format."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flowlog_core.decode.formats.protocols import PROTOCOL_NAMES
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS
from tests.consumers.splunk_add_on import (
    ADD_ON,
    FOLDER,
    FUNCTIONS,
    SOURCE_TYPE,
    aliases,
    break_events,
    calculated,
    fields_of,
    functions_in,
    lookups,
    names_in,
    rows_of,
    settings_of,
    stanzas,
    time_of,
)

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "consumers" / "splunk.md"
LINES = [
    line
    for name in ("nsg-v1", "nsg-v2", "vnet-v4")
    for line in (ROOT / "tests" / "golden" / f"{name}.flows.ndjson").read_text(encoding="utf-8").splitlines()
]
IPV6 = json.dumps({**json.loads(LINES[-1]), "srcIp": "2001:db8::4", "destIp": "2001:db8::5", "protocol": 58})
ALWAYS = {
    *("action", "dest", "dest_ip", "dest_port", "direction", "dvc", "protocol", "protocol_version", "rule"),
    *("src", "src_ip", "src_port", "transport", "vendor_account", "vendor_product"),
}
COUNTERS = {"bytes", "bytes_in", "bytes_out", "packets", "packets_in", "packets_out"}


def written(body: str) -> list[str]:
    """What the Event Hubs input writes to Splunk for a body, see the guide: a JSON object is written anew."""
    try:
        document = json.loads(body)
    except ValueError:
        return [body]
    return [json.dumps(each) for each in document.get("records", [document])]


def events_of(bodies: list[str]) -> list[str]:
    """Each text ends with its own end of stream, so that the end of one never meets the next."""
    return [event for body in bodies for text in written(body) for event in break_events(text)]


def number(value: int | None) -> str | None:
    return None if value is None else str(value)


def total(first: int | None, second: int | None) -> str | None:
    return None if first is None or second is None else str(first + second)


@pytest.mark.parametrize(
    "bodies",
    [["\n".join(LINES)], LINES, [json.dumps({"records": [json.loads(line) for line in LINES]})]],
    ids=["ndjson", "json", "records"],
)
def test_each_flow_becomes_an_event_by_the_input_for_event_hubs(bodies: list[str]) -> None:
    assert [json.loads(event) for event in events_of(bodies)] == [json.loads(line) for line in LINES]


def test_each_flow_becomes_an_event_by_kafka() -> None:
    connector = json.loads((FOLDER / "kafka-connect.json").read_text(encoding="utf-8"))["config"]
    separator = connector["splunk.hec.raw.line.breaker"]
    bodies = ["\n".join(LINES[:5]), LINES[5], "\n".join(LINES[6:])]

    assert connector["splunk.sourcetypes"] == SOURCE_TYPE
    assert break_events("".join(body + separator for body in bodies)) == LINES


@pytest.mark.parametrize("line", LINES)
def test_the_time_of_an_event_is_that_of_the_flow(line: str) -> None:
    expected = datetime.fromisoformat(json.loads(line)["time"])

    assert time_of(line) == time_of(json.dumps(json.loads(line))) == expected


def test_every_setting_names_keys_of_the_flow_or_aliases_of_them() -> None:
    keys = set(DEFAULT_FIELDS)
    expressions = settings_of("EVAL")

    assert set(aliases().values()) <= keys
    assert {name for text in expressions.values() for name in names_in(text)} <= keys
    assert {field for _, field, _ in lookups()} <= keys | set(aliases())
    assert {name for text in expressions.values() for name in functions_in(text)} == set(FUNCTIONS)
    # A lookup sees what is calculated, an alias does not.
    assert {field for _, field, _ in lookups()} & set(expressions) == set()


@pytest.mark.parametrize("line", [*LINES, IPV6])
def test_a_flow_has_the_fields_of_the_data_model_for_network_traffic(line: str) -> None:
    flow: dict[str, Any] = json.loads(line)
    fields = fields_of(line)
    side = "src" if flow["direction"] == "outbound" else "dest"

    expected = {
        "action": {"allow": "allowed", "deny": "blocked"}[flow["decision"]],
        "src": flow["srcIp"],
        "src_ip": flow["srcIp"],
        "src_port": str(flow["srcPort"]),
        "dest": flow["destIp"],
        "dest_ip": flow["destIp"],
        "dest_port": str(flow["destPort"]),
        f"{side}_mac": ":".join(re.findall("..", flow["macAddress"].lower())),
        "direction": flow["direction"],
        "transport": PROTOCOL_NAMES[flow["protocol"]].lower(),
        "protocol": "ip",
        "protocol_number": str(flow["protocol"]),
        "protocol_version": "ipv6" if ":" in flow["srcIp"] else "ipv4",
        "bytes_out": number(flow["bytesSrcToDest"]),
        "bytes_in": number(flow["bytesDestToSrc"]),
        "bytes": total(flow["bytesSrcToDest"], flow["bytesDestToSrc"]),
        "packets_out": number(flow["packetsSrcToDest"]),
        "packets_in": number(flow["packetsDestToSrc"]),
        "packets": total(flow["packetsSrcToDest"], flow["packetsDestToSrc"]),
        "rule": flow["rule"],
        "dvc": flow["targetResourceId"].split("/")[-1],
        "vendor_account": flow["targetResourceId"].split("/")[2].lower(),
        "vendor_product": "Microsoft Azure Network Watcher",
    }
    made = fields.keys() - flow.keys() | {"direction", "protocol", "rule"}
    assert {name: fields[name] for name in made} == {key: value for key, value in expected.items() if value is not None}
    assert made >= ALWAYS


def test_what_a_log_does_not_carry_is_no_field() -> None:
    assert calculated(dict.fromkeys(DEFAULT_FIELDS, "null")).keys() & COUNTERS == set()
    assert calculated(dict.fromkeys(DEFAULT_FIELDS, "7")).keys() >= COUNTERS


def test_the_lookups_have_every_decision_and_every_protocol_with_a_name() -> None:
    assert {row["decision"]: row["action"] for row in rows_of("azure_flowlog_actions")} == {
        "allow": "allowed",
        "deny": "blocked",
    }
    assert [(row["protocol_number"], row["transport"]) for row in rows_of("azure_flowlog_transports")] == [
        (str(number), name.lower()) for number, name in PROTOCOL_NAMES.items()
    ]


def test_the_source_type_has_the_tags_of_the_data_model() -> None:
    (event_type,) = stanzas("eventtypes.conf").sections()

    assert stanzas("eventtypes.conf")[event_type]["search"] == f"sourcetype={SOURCE_TYPE}"
    assert dict(stanzas("tags.conf")[f"eventtype={event_type}"]) == {"network": "enabled", "communicate": "enabled"}


def test_the_search_for_denied_traffic_uses_fields_that_events_have() -> None:
    (search,) = [each["search"] for each in map(dict, stanzas("savedsearches.conf").values()) if "search" in each]
    before, stats = search.split("| stats ", 1)
    by = re.search(r" BY ([\w, ]+?) *\|", stats)

    assert "action=blocked" in before
    assert by is not None
    fields = {*by[1].split(", "), *re.findall(r"values\((\w+)\)", stats), "action", "id"}
    assert fields <= fields_of(LINES[0]).keys()


def test_the_input_sends_to_the_source_type_and_leaves_the_bodies_as_they_are() -> None:
    text = (FOLDER / "inputs.conf").read_text(encoding="utf-8")

    assert f"sourcetype = {SOURCE_TYPE}\n" in text
    assert "event_format_flags = 0\n" in text


def test_the_guide_shows_the_search_of_the_add_on_and_names_its_folder() -> None:
    saved = (ADD_ON / "default" / "savedsearches.conf").read_text(encoding="utf-8")
    search = saved.partition("\nsearch = ")[2].replace(" \\\n", "\n")
    guide = GUIDE.read_text(encoding="utf-8")

    assert f"```\n{search}```\n" in guide
    assert "consumers/splunk/TA-azure-flow-logs" in guide
