"""A schema is a tree: objects in objects, values under any key, tables of words, and nulls written or left out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.encoded_record import EncodedRecord, OutputLimits
from flowlog_core.decode.items import Record
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schema import DEFAULT_FIELDS, KEYS, flow_schema
from flowlog_core.flow.tree import Fixed, Json, Object, Schema, Table, Value, Word
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

    (flow,) = flows(raw, Schema(TREE))

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
    (flow,) = flows(nsg_record([text], version=version), Schema(TREE))
    assert (flow["activity"], flow["transport"]) == (activity, transport)


def without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    members = {key: without_nulls(each) if isinstance(each, dict) else each for key, each in value.items()}
    return {key: each for key, each in members.items() if each is not None}


@given(raw=flow_records())
def test_what_leaves_out_nulls_is_otherwise_the_same(raw: bytes) -> None:
    written = encode(raw, Schema(TREE)).lines
    left_out = encode(raw, Schema(TREE, nulls=False)).lines

    assert [json.loads(line) for line in left_out] == [without_nulls(json.loads(line)) for line in written]
    assert all(line == json.dumps(json.loads(line), separators=(",", ":")) for line in left_out)


@given(raw=flow_records(), nulls=st.booleans(), room=st.integers(0, 3000))
def test_the_limits_are_kept_whatever_the_tree(raw: bytes, nulls: bool, room: int) -> None:  # noqa: FBT001 # drawn
    schema = Schema(TREE, nulls)
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


def test_a_record_is_large_by_what_its_tree_makes_of_it() -> None:
    raw = json.dumps(vnet({"aclID": "a", "flowGroups": [group("r", 50)]})).encode()
    many = Object({f"{key}{number}": Value(key) for number in range(9) for key in DEFAULT_FIELDS})
    calls: list[None] = []
    size = sum(map(len, encode(raw, Schema(many)).lines))

    Encoder(Schema(many), OutputLimits(large=size - 1)).encode(
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
        (Object({"state": Table(("flowState",), {("end",): 2})}), "may be left out"),
    ],
)
def test_a_tree_that_cannot_be_written_is_refused_at_once(tree: Object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode(vnet_record(1), Schema(tree, nulls=False))
