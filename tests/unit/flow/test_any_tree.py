"""Whatever a tree looks like, its compiled form writes what the tree says, in as many bytes as computed beforehand."""

import json
from collections.abc import Callable
from functools import partial

from hypothesis import given

from flowlog_core.decode.encoded_record import EncodedRecord, OutputLimits
from flowlog_core.decode.items import Record
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas.flow_1 import KEYS, flow_schema
from flowlog_core.flow.tree import Schema
from tests.support.flow_logs import VNET, decoded, nsg_record, vnet_record
from tests.support.slow_tree import interpret
from tests.unit.flow.records import flow_records
from tests.unit.flow.trees import with_nulls, without_nulls

ALL = Encoder(flow_schema([key.name for key in KEYS]))
schemas = with_nulls.map(lambda tree: Schema("t", tree)) | without_nulls.map(
    lambda tree: Schema("t", tree, nulls=False)
)
NSG_TUPLES = [
    "1663146003,10.0.0.4,192.0.2.1,1024,443,T,O,A",
    "1663146003599,2001:DB8::1,fe80::1,65535,0,U,I,D",
    "1663146003,192.0.2.1,192.0.2.1,1024,53,U,I,A",
]
COUNTERS = [",,,", "9,1599,12,11178", f"0,{2**63 - 1},0,1", "1,,,0"]
VNET_TUPLES = [
    f"1663146003599,{ends},{protocol},{direction},{state},{encryption},{counters}"
    for ends, protocol, direction, state, encryption, counters in zip(
        ["10.0.0.4,192.0.2.1,1024,443", "::,2001:DB8::1,0,0", "10.0.0.4,10.0.0.4,1,1", "fe80::1,fe80::1,5,4"],
        ["6", "58", "255", "17"],
        "OIIO",
        "BCED",
        ["X", "NX", "NX_HW_NOT_SUPPORTED", "X"],
        COUNTERS,
        strict=True,
    )
]
RECORDS = [
    nsg_record(NSG_TUPLES, version=1),
    nsg_record([f"{each},{state},{more}" for each in NSG_TUPLES for state, more in zip("BCE", COUNTERS, strict=False)]),
    vnet_record(1).replace(b'"flowTuples":[', b'"flowTuples":' + json.dumps(VNET_TUPLES).encode()[:-1] + b","),
]
"""Records of every layout, with every word, so that a tree that is wrong in any shows it."""


def encode(
    encoder: Encoder, raw: bytes, limit: int | None = None, before_large: Callable[[], None] | None = None
) -> EncodedRecord:
    record = Record(12, raw, json.loads(raw))
    return encoder.encode(VNET, record, decoded(raw), max_flow_bytes=limit, before_large=before_large)


@given(schema=schemas, raw=flow_records())
def test_a_tree_is_written_as_it_is_read_node_by_node(schema: Schema, raw: bytes) -> None:
    encoder = Encoder(schema)
    for record in (*RECORDS, raw):
        lines = encode(encoder, record).lines

        flat = map(json.loads, encode(ALL, record).lines)
        assert lines == [json.dumps(interpret(schema, flow), separators=(",", ":")) for flow in flat]


@given(schema=schemas, raw=flow_records())
def test_the_sizes_of_flows_are_known_before_they_are_formed(schema: Schema, raw: bytes) -> None:
    for record in (*RECORDS, raw):
        sizes = list(map(len, encode(Encoder(schema), record).lines))
        calls: list[None] = []
        encoder = Encoder(schema, OutputLimits(large=max(0, sum(sizes) - 1)))

        refused = encode(encoder, record, limit=0).bad
        encode(encoder, record, before_large=partial(calls.append, None))

        assert [int(each.reason.split()[3]) for each in refused if "an event takes" in each.reason] == sizes
        assert calls or not sizes
