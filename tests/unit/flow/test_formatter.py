"""Flows are written as the contract says, whatever the names in a record and whichever fields are asked for."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.encoded_record import EncodedRecord
from flowlog_core.decode.items import Record
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas.flow_1 import flow_schema, select_fields
from flowlog_core.source.blob import SourceBlob
from tests.support import oracle
from tests.support.flow_logs import VNET, decoded, nsg_record, vnet_record
from tests.support.oracle import DEFAULT_KEYS, FURTHER_KEYS
from tests.unit.flow.records import flow_records

ALL_KEYS = (*DEFAULT_KEYS, *FURTHER_KEYS)
BLOB = SourceBlob("account", "container", 'über/"%s"/{x}/PT1H.json')


def encode(
    raw: bytes, fields: Sequence[str] = ALL_KEYS, *, start: int = 12, blob: SourceBlob = BLOB, limit: int | None = None
) -> EncodedRecord:
    return Encoder(flow_schema(fields)).encode(
        blob, Record(start, raw, json.loads(raw)), decoded(raw), max_flow_bytes=limit
    )


def only_flow(raw: bytes, fields: Sequence[str] = ALL_KEYS) -> dict[str, Any]:
    [line] = encode(raw, fields).lines
    flow: dict[str, Any] = json.loads(line)
    return flow


def pairs(line: str) -> list[tuple[str, object]]:
    """Read a flow with the order of its keys, and any key that stands twice."""
    found: list[tuple[str, object]] = json.loads(line, object_pairs_hook=list)
    return found


@given(flow_records(), st.integers(0, 2**40))
def test_flows_are_those_of_an_independent_reader_with_all_keys_in_order(raw: bytes, start: int) -> None:
    encoded = encode(raw, start=start)
    expected = oracle.flows(raw, start, BLOB.path)
    assert [pairs(line) for line in encoded.lines] == [list(flow.items()) for flow in expected if flow]


@given(flow_records())
def test_a_tuple_that_does_not_fit_keeps_its_ordinal_and_gives_no_flow(raw: bytes) -> None:
    encoded = encode(raw, ["id"])
    expected = oracle.flows(raw, 12, BLOB.path)
    sound = [ordinal for ordinal, flow in enumerate(expected) if flow]
    assert list(encoded.ordinals) == sound
    assert [json.loads(line)["id"] for line in encoded.lines] == [f"{encoded.id_prefix}{ordinal}" for ordinal in sound]
    assert [bad.ordinal for bad in encoded.bad] == [ordinal for ordinal, flow in enumerate(expected) if not flow]


@given(flow_records())
def test_a_line_is_ascii_and_one_line(raw: bytes) -> None:
    for line in encode(raw).lines:
        assert line.isascii()
        assert line.isprintable()
        assert line == json.dumps(json.loads(line), separators=(",", ":"))


@given(flow_records(), st.lists(st.sampled_from(ALL_KEYS), min_size=1, unique=True))
def test_any_choice_of_fields_gives_the_values_of_the_whole_flow(raw: bytes, fields: list[str]) -> None:
    complete = [json.loads(line) for line in encode(raw).lines]
    chosen = [pairs(line) for line in encode(raw, fields).lines]
    assert chosen == [[(key, flow[key]) for key in fields] for flow in complete]


@given(
    flow_records(),
    st.sets(st.sampled_from(FURTHER_KEYS)),
    st.sets(st.sampled_from(DEFAULT_KEYS), max_size=len(DEFAULT_KEYS) - 1),
)
def test_edits_of_the_default_give_the_values_of_the_whole_flow(raw: bytes, more: set[str], fewer: set[str]) -> None:
    text = ",".join([*(f"+{key}" for key in sorted(more)), *(f"-{key}" for key in sorted(fewer))])
    fields = select_fields(text)
    assert set(fields) == (set(DEFAULT_KEYS) - fewer) | more
    complete = [json.loads(line) for line in encode(raw).lines]
    assert [pairs(line) for line in encode(raw, fields).lines] == [
        [(key, flow[key]) for key in fields] for flow in complete
    ]


def test_an_id_is_made_of_the_blobs_name_the_records_place_and_bytes_and_the_tuples_position() -> None:
    raw = b'{"time":"x","resourceId":"r","properties":{"Version":1,"flows":[{"rule":"a","flows":[{"mac":"m",'
    raw += b'"flowTuples":['
    raw += b'"1663146003,10.0.0.4,10.0.0.5,1,2,T,O,A","1663146003,10.0.0.4,10.0.0.5,1,2,T,O,A"]}]}]}}'
    blob = SourceBlob("account", "container", "name")
    # Told by other tools: `b2sum -l 64` of account/container/name; the record's CRC-32 as `gzip` has it.
    prefix = "79a96000c6896f7b-4096-580d49ed"
    assert [json.loads(line)["id"] for line in encode(raw, start=4096, blob=blob).lines] == [
        f"{prefix}-0",
        f"{prefix}-1",
    ]


def test_other_bytes_another_place_or_another_blob_give_other_ids() -> None:
    ids = {
        tuple(json.loads(line)["id"] for line in encode(raw, start=start, blob=blob).lines)
        for raw in (vnet_record(2), vnet_record(2, rule="other"))
        for start in (12, 13)
        for blob in (VNET, BLOB)
    }
    assert len(ids) == 8


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("1663146003", "2022-09-14T09:00:03.000Z"),
        ("1663146003599", "2022-09-14T09:00:03.599Z"),
        ("1663146003007", "2022-09-14T09:00:03.007Z"),
        ("1000000000", "2001-09-09T01:46:40.000Z"),
        ("1709210096999", "2024-02-29T12:34:56.999Z"),
        ("9999999999999", "2286-11-20T17:46:39.999Z"),
    ],
)
def test_a_time_stamp_is_in_seconds_or_milliseconds_by_its_length(written: str, time: str) -> None:
    assert only_flow(nsg_record([f"{written},10.0.0.4,10.0.0.5,1,2,T,O,A"], version=1))["time"] == time
    assert only_flow(nsg_record([f"{written},10.0.0.4,10.0.0.5,1,2,T,O,A,B,,,,"]))["time"] == time


def test_a_flow_of_nsg_version_1_has_null_where_the_format_knows_nothing() -> None:
    flow = only_flow(nsg_record(["1663146003,10.0.0.4,10.0.0.5,1,2,U,I,D"], version=1))
    absent = {key for key in DEFAULT_KEYS if flow[key] is None}
    assert absent == {"flowLogResourceId", "flowState", "encryption", *DEFAULT_KEYS[-4:]}
    assert (flow["protocol"], flow["direction"], flow["decision"]) == (17, "inbound", "deny")


def test_an_empty_counter_is_null_and_a_zero_is_zero() -> None:
    flow = only_flow(nsg_record(["1663146003,10.0.0.4,10.0.0.5,1,2,T,O,A,B,,0,7,"]))
    assert [flow[key] for key in DEFAULT_KEYS[-4:]] == [None, 0, 7, None]


@pytest.mark.parametrize(
    ("state", "decision", "word"),
    [("B", "allow", "begin"), ("C", "allow", "continue"), ("E", "allow", "end"), ("D", "deny", "deny")],
)
def test_a_vnet_flows_decision_follows_from_its_state(state: str, decision: str, word: str) -> None:
    raw = vnet_record(1).replace(b",O,B,NX,", f",O,{state},NX,".encode())
    flow = only_flow(raw)
    assert (flow["decision"], flow["flowState"]) == (decision, word)


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("DefaultRule_AllowVnetOutBound", "default"),
        ("DefaultRule_", "default"),
        ("UserRule_web", "user"),
        ("PlatformRule", "platform"),
        ("PlatformRule_DNS", "platform"),
        ("unspecified", None),
        ("userrule_web", None),
        ("DefaultRule", None),
        ("xUserRule_web", None),
        ("", None),
    ],
)
def test_a_rules_type_is_known_by_its_prefix(rule: str, kind: str | None) -> None:
    flow = only_flow(vnet_record(1, rule=rule))
    assert (flow["rule"], flow["ruleType"]) == (rule, kind)


NETWORK = "Microsoft.Network/virtualNetworks"


@pytest.mark.parametrize(
    ("resource_id", "parts"),
    [
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n", ["s", "g", NETWORK, "n"]),
        ("/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/P/T/N", ["S", "G", "P/T", "N"]),
        ("/subscriptions/s/resourceGroups/g/providers/p/t/n/", ["s", "g", "p/t", "n"]),
        ("/subscriptions/s/resourceGroups/g/providers/p/t/n/u/m", ["s", "g", "p/t/u", "n/m"]),
        ("/subscriptions/s/resourceGroups/g/providers/p/t/n/u", None),
        ("/subscriptions/s/resourceGroups/g/providers/p/t", None),
        ("/subscriptions/s/resourceGroups/g/providers/p", None),
        ("/subscriptions/s/resourceGroups/g", None),
        ("/subscriptions/s", None),
        ("/subscriptions//resourceGroups/g/providers/p/t/n", None),
        ("subscriptions/s/resourceGroups/g/providers/p/t/n", None),
        ("/x/subscriptions/s/resourceGroups/g/providers/p/t/n", None),
        ("unspecified", None),
        ("", None),
    ],
)
def test_a_resource_id_is_parsed_or_its_parts_are_null(resource_id: str, parts: list[str] | None) -> None:
    value = json.loads(vnet_record(1))
    value["targetResourceID"] = resource_id
    flow = only_flow(json.dumps(value).encode())
    assert flow["targetResourceId"] == resource_id
    keys = ["subscriptionId", "resourceGroup", "resourceType", "resourceName"]
    assert [flow[key] for key in keys] == ([None] * 4 if parts is None else parts)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "HOPOPT"),
        (1, "ICMP"),
        (2, "IGMP"),
        (4, "IPv4"),
        (6, "TCP"),
        (17, "UDP"),
        (33, "DCCP"),
        (41, "IPv6"),
        (47, "GRE"),
        (50, "ESP"),
        (51, "AH"),
        (58, "IPv6-ICMP"),
        (60, "IPv6-Opts"),
        (61, None),
        (63, None),
        (68, None),
        (88, "EIGRP"),
        (89, "OSPFIGP"),
        (94, "IPIP"),
        (98, "ENCAP"),
        (99, None),
        (103, "PIM"),
        (112, "VRRP"),
        (114, None),
        (115, "L2TP"),
        (132, "SCTP"),
        (136, "UDPLite"),
        (142, "ROHC"),
        (145, "NSH"),
        (253, None),
        (255, None),
    ],
)
def test_a_protocol_has_the_name_that_iana_gives_its_number(number: int, name: str | None) -> None:
    flow = only_flow(vnet_record(1).replace(b",443,6,", f",443,{number},".encode()))
    assert (flow["protocol"], flow["protocolName"]) == (number, name)


def test_nsg_protocol_letters_have_names_too() -> None:
    raw = nsg_record([f"1663146003,10.0.0.4,10.0.0.5,1,2,{letter},O,A,B,,,," for letter in "TU"])
    flows = [json.loads(line) for line in encode(raw).lines]
    assert [(flow["protocol"], flow["protocolName"]) for flow in flows] == [(6, "TCP"), (17, "UDP")]


def test_a_flow_over_the_limit_is_told_as_a_bad_tuple_and_the_others_stay() -> None:
    short = "1663146003,10.0.0.4,10.0.0.5,1,2,T,O,A,B,,,,"
    long = "1663146003,2001:db8::1,2001:db8::2,1,2,T,O,A,C,1000000,1000000,1000000,1000000"
    raw = nsg_record([short, long, "bad", short])
    complete = encode(raw)
    limit = max(len(line) for line in complete.lines)
    assert encode(raw, limit=limit) == complete
    encoded = encode(raw, limit=limit - 1)
    assert encoded.lines == [complete.lines[0], complete.lines[2]]
    assert list(encoded.ordinals) == [0, 3]
    assert encoded.bad == (
        RejectedTuple(1, f"a flow of {limit} bytes, where an event takes {limit - 1}"),
        *complete.bad,
    )


@pytest.mark.slow
def test_the_table_of_seconds_may_overflow() -> None:
    first = 1_663_146_003
    seconds = [*range(first, first + 100_002), first]
    raw = nsg_record([f"{second},10.0.0.4,10.0.0.5,1,2,T,O,A,B,,,," for second in seconds])
    times = [json.loads(line)["time"] for line in encode(raw, fields=["time"]).lines]
    assert times == [f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.000Z" for second in seconds]


def test_one_encoder_serves_many_threads() -> None:
    encoder = Encoder(flow_schema(ALL_KEYS))
    raws = [vnet_record(20, number=number) for number in range(10)] + [nsg_record(["x"], version=1)]

    def lines(raw: bytes) -> list[str]:
        return encoder.encode(BLOB, Record(12, raw, json.loads(raw)), decoded(raw)).lines

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lines, raws * 8)) == [encode(raw).lines for raw in raws] * 8
