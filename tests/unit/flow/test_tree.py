"""A schema is a tree: objects in objects, values under any key, tables of words, and nulls written or left out."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.encoded_record import EncodedRecord, OutputLimits
from flowlog_core.decode.items import Record
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas import SCHEMAS
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS, KEYS, flow_schema
from flowlog_core.flow.tree import Distinct, Fixed, Json, Object, Schema, Table, Value, Where, Word
from tests.support.faulty_records import group, vnet
from tests.support.flow_logs import VNET, decoded, nsg_record, vnet_record
from tests.unit.flow.records import flow_records

ACTIVITIES: dict[tuple[Word, ...], Json] = {
    ("allow", "begin"): 1,
    ("allow", "end"): 2,
    ("allow", None): 6,
    ("deny", "deny"): 5,
    ("deny", "begin"): 5,
}
TREE = Object(
    {
        "id": Value("id"),
        "version": Fixed({"name": "test", "tags": ["{x}", "\\ '"]}),
        "activity": Table(("decision", "flowState"), ACTIVITIES),
        "source": Object({"ip": Value("srcIp"), "address": Value("srcIp"), "bytes": Value("bytesSrcToDest")}),
        "dest": Object({"ip": Value("destIp"), "port": Value("destPort"), "bytes": Value("bytesDestToSrc")}),
        "transport": Table(("protocolName",), {("TCP",): "tcp", ("UDP",): "udp"}),
        "encrypted": Value("encryption"),
        "log": Value("flowLogResourceId"),
        "category": Value("category"),
        "rule {0}": Object({"name": Value("rule"), "set": Value("aclId"), "kind": Value("ruleType")}),
        "time": Value("time"),
    }
)
BEGUN = "1663146003,10.0.0.4,10.0.0.5,1024,443,T,O,A,B,,,,"
DENIED = "1663146003,10.0.0.4,10.0.0.5,1024,443,U,I,D,B,,,,"
GOING_ON = "1663146003,10.0.0.4,10.0.0.5,1024,443,T,O,A,C,9,1599,12,11178"
OLD = "1663146003,10.0.0.4,10.0.0.5,1024,443,T,O,A"


def encode(raw: bytes, schema: Schema, limits: OutputLimits | None = None, limit: int | None = None) -> EncodedRecord:
    return Encoder(schema, limits or OutputLimits()).encode(
        VNET, Record(12, raw, json.loads(raw)), decoded(raw), max_flow_bytes=limit
    )


def flows(raw: bytes, schema: Schema) -> list[dict[str, Any]]:
    return [json.loads(line) for line in encode(raw, schema).lines]


def test_a_tree_is_written_as_it_stands() -> None:
    raw = vnet_record(1)
    (flat,) = flows(raw, flow_schema([key.name for key in KEYS]))

    (flow,) = flows(raw, Schema("test/1", TREE))

    assert list(flow) == list(TREE.members)
    assert flow["version"] == {"name": "test", "tags": ["{x}", "\\ '"]}
    assert flow["source"] == {"ip": flat["srcIp"], "address": flat["srcIp"], "bytes": flat["bytesSrcToDest"]}
    assert flow["rule {0}"] == {"name": flat["rule"], "set": flat["aclId"], "kind": flat["ruleType"]}
    assert (flow["id"], flow["time"], flow["log"]) == (flat["id"], flat["time"], flat["flowLogResourceId"])


@pytest.mark.parametrize(
    ("version", "text", "activity", "transport"),
    [(2, BEGUN, 1, "tcp"), (2, DENIED, 5, "udp"), (2, GOING_ON, None, "tcp"), (1, OLD, 6, "tcp")],
)
def test_a_table_takes_the_words_of_one_column_or_of_several(
    version: int, text: str, activity: int | None, transport: str
) -> None:
    (flow,) = flows(nsg_record([text], version=version), Schema("test/1", TREE))
    assert (flow["activity"], flow["transport"]) == (activity, transport)


def without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    members = {key: without_nulls(each) if isinstance(each, dict) else each for key, each in value.items()}
    return {key: each for key, each in members.items() if each is not None}


@given(raw=flow_records())
def test_what_leaves_out_nulls_is_otherwise_the_same(raw: bytes) -> None:
    written = encode(raw, Schema("test/1", TREE)).lines
    left_out = encode(raw, Schema("test/1", TREE, nulls=False)).lines

    assert [json.loads(line) for line in left_out] == [without_nulls(json.loads(line)) for line in written]
    assert all(line == json.dumps(json.loads(line), separators=(",", ":")) for line in left_out)


@pytest.mark.parametrize("schema", [Schema("t", TREE), Schema("t", TREE, nulls=False), *SCHEMAS.values()])
@given(raw=flow_records(), room=st.integers(0, 3000))
def test_the_limits_are_kept_whatever_the_tree(schema: Schema, raw: bytes, room: int) -> None:
    complete = encode(raw, schema)
    size = sum(map(len, complete.lines))
    longest = max(map(len, complete.lines), default=0)

    limited = encode(raw, schema, OutputLimits(large=0, most=room))
    refused = [
        int(each.reason.split()[3]) for each in encode(raw, schema, limit=0).bad if "an event takes" in each.reason
    ]

    assert encode(raw, schema, OutputLimits(large=max(0, size - 1), most=size), longest) == complete
    assert sum(map(len, limited.lines)) <= room
    assert len(limited.lines) + len(limited.bad) == len(complete.lines) + len(complete.bad)
    assert refused == list(map(len, complete.lines))


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
@given(raw=flow_records())
def test_a_record_takes_no_more_bytes_than_computed_beforehand(schema: Schema, raw: bytes) -> None:
    calls: list[None] = []
    size = sum(map(len, encode(raw, schema).lines))

    Encoder(schema, OutputLimits(large=max(0, size - 1))).encode(
        VNET, Record(12, raw, json.loads(raw)), decoded(raw), before_large=lambda: calls.append(None)
    )

    assert calls or not size


COUNTERS = Object({"sent": Value("bytesSrcToDest"), "both": Value("bytes"), "packets": Value("packets")})
MAC = Value("macAddress", "mac with hyphens")
LEFT_OUT = Object(
    {
        "id": Value("id"),
        "traffic": COUNTERS,
        "account": Object({"owner": Object({"uid": Value("subscriptionId")})}),
        "ips": Distinct("srcIp", "destIp"),
        "sender": Where("direction", "outbound", MAC),
        "receiver": Where("direction", "inbound", MAC),
        "at": Value("time", "milliseconds"),
        "logged": Value("recordTime", "milliseconds"),
        "created": Value("recordTime", "time"),
        "network": Value("virtualNetworkId"),
        "number": Value("protocol", "text"),
    }
)


def left_out(raw: bytes) -> dict[str, Any]:
    (flow,) = flows(raw, Schema("t", LEFT_OUT, nulls=False))
    del flow["id"]
    return flow


def test_an_object_without_a_value_is_left_out() -> None:
    changed = vnet_record(1).replace(b"/subscriptions/", b"/elsewhere/").replace(b",B,NX,0,0,0,0", b",B,NX,,,,")

    assert not {"traffic", "account"} & left_out(nsg_record([OLD], version=1).replace(b"/SUBSCR", b"/ELSE")).keys()
    assert not {"traffic", "account"} & left_out(changed).keys()
    assert left_out(nsg_record([OLD], version=1))["account"] == {"owner": {"uid": "0"}}


def test_counters_are_added_where_both_are_known_and_fit() -> None:
    def traffic(counters: str) -> object:
        return left_out(nsg_record([BEGUN.replace(",B,,,,", f",B,{counters}")])).get("traffic")

    assert traffic("9,1599,12,11178") == {"sent": 1599, "both": 12777, "packets": 21}
    assert traffic("9,1599,,") == {"sent": 1599}
    assert traffic(",,12,11178") is None
    assert traffic("0,0,0,0") == {"sent": 0, "both": 0, "packets": 0}
    assert traffic(f"1,{2**63 - 1},1,0") == {"sent": 2**63 - 1, "both": 2**63 - 1, "packets": 2}
    assert traffic(f"1,{2**63 - 1},1,1") == {"sent": 2**63 - 1, "packets": 2}


def test_what_has_one_side_stands_there_and_a_repeated_address_once() -> None:
    sent, received = left_out(nsg_record([BEGUN])), left_out(nsg_record([DENIED.replace("10.0.0.5", "10.0.0.4")]))

    assert (sent["sender"], sent["ips"]) == ("00-15-5D-12-34-56", ["10.0.0.4", "10.0.0.5"])
    assert (received["receiver"], received["ips"]) == ("00-15-5D-12-34-56", ["10.0.0.4"])
    assert "receiver" not in sent
    assert "sender" not in received
    assert "sender" not in left_out(nsg_record([BEGUN]).replace(b"00155D123456", b"unknown"))


@pytest.mark.parametrize(("stamp", "milliseconds"), [("1663146003", 1663146003000), ("1663146003599", 1663146003599)])
def test_times_are_written_as_milliseconds(stamp: str, milliseconds: int) -> None:
    raw = nsg_record([BEGUN.replace("1663146003", stamp)])
    logged = json.loads(raw)["time"]

    assert left_out(raw)["at"] == milliseconds
    assert left_out(raw)["logged"] == int(datetime.fromisoformat(logged).timestamp() * 1000)
    assert "logged" not in left_out(raw.replace(logged.encode(), b"yesterday"))
    assert left_out(raw)["number"] == "6"


@pytest.mark.parametrize(
    ("rest", "known"),
    [("net", True), ("net/subnets/" + "s" * 2000, True), ("net/subnets/a\\nb", True), ("n" * 2000, False)],
)
def test_the_id_of_a_virtual_network_is_complete_or_left_out(rest: str, known: bool) -> None:  # noqa: FBT001
    network = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/net"

    flow = left_out(vnet_record(1).replace(network.encode(), network.removesuffix("net").encode() + rest.encode()))

    assert flow.get("network") == (network if known else None)


@pytest.mark.parametrize(
    ("offset", "known"), [("Z", True), ("+18:00", True), ("-18:00", True), ("+18:01", False), ("-23:59", False)]
)
def test_a_time_is_written_where_readers_know_its_offset(offset: str, known: bool) -> None:  # noqa: FBT001
    raw = nsg_record([BEGUN])
    logged = json.loads(raw)["time"].replace("Z", offset)

    assert left_out(raw.replace(b"4567Z", b"4567" + offset.encode())).get("created") == (logged if known else None)


def test_a_record_is_large_by_what_its_tree_makes_of_it() -> None:
    raw = json.dumps(vnet({"aclID": "a", "flowGroups": [group("r", 50)]})).encode()
    many = Object({f"{key}{number}": Value(key) for number in range(9) for key in DEFAULT_FIELDS})
    calls: list[None] = []
    size = sum(map(len, encode(raw, Schema("test/1", many)).lines))

    Encoder(Schema("test/1", many), OutputLimits(large=size - 1)).encode(
        VNET, Record(12, raw, json.loads(raw)), decoded(raw), before_large=lambda: calls.append(None)
    )

    assert len(calls) == 1


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (Object({"x": Value("sourceIp")}), "there is no value 'sourceIp'"),
        (Object({"x": Table(("srcIp",), {})}), "'srcIp' has no words"),
        (Object({"x": Table(("desicion",), {})}), "there is no value 'desicion'"),
        (Object({"bytes": Value("bytesSrcToDest"), "id": Value("id")}), "may be left out"),
        (Object({"category": Value("category")}), "may be left out"),
        (Object({"number": Value("srcIp", "milliseconds")}), "not written as milliseconds"),
        (Object({"id": Value("id"), "way": Value("direction", "text")}), "not written as text"),
        (Object({"id": Value("id"), "sent": Value("bytesSrcToDest", "text")}), "not written as text"),
        (
            Object({"id": Value("id"), "both": Object({"b": Value("bytes", "text"), "p": Value("packets")})}),
            "not written as text",
        ),
        (Object({"id": Value("id"), "rule": Where("direction", "inbound", Value("rule"))}), "a value of any length"),
        (Object({"state": Table(("flowState",), {("end",): 2})}), "may be left out"),
    ],
)
def test_a_tree_that_cannot_be_written_is_refused_at_once(tree: Object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode(vnet_record(1), Schema("test/1", tree, nulls=False))
