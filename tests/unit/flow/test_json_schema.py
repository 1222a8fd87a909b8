"""The JSON Schema of a flow takes every flow that logs give, and no other."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, meta

from docs.flow_reference import MEANINGS, NUMBER_LIMITS, json_schema
from flowlog_core.decode.formats import LAYOUTS
from flowlog_core.decode.log_reader import LogReader
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS, KEYS, flow_schema
from flowlog_core.source.blob import SourceBlob

type Flow = dict[str, Any]

GOLDEN = Path(__file__).parents[2] / "golden"
ALL_KEYS = tuple(key.name for key in KEYS)
SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA, validate_formats=True)


def flows(name: str, fields: tuple[str, ...]) -> Iterator[Flow]:
    """Decode a golden log."""
    log = LogReader(SourceBlob("golden", "logs", name), Encoder(flow_schema(fields)))
    for item in log.read([(GOLDEN / name).read_bytes()]):
        if item.encoded is not None:
            yield from map(json.loads, item.encoded.lines)


def sound(name: str) -> Flow:
    return next(flows(name, DEFAULT_FIELDS))


def test_the_schema_is_one() -> None:
    meta.validate(SCHEMA)


@pytest.mark.parametrize("fields", [DEFAULT_FIELDS, ALL_KEYS], ids=["default", "all"])
@pytest.mark.parametrize("name", sorted(file.name for file in GOLDEN.glob("*.json")))
def test_every_flow_of_a_log_is_valid(name: str, fields: tuple[str, ...]) -> None:
    decoded = list(flows(name, fields))

    assert decoded
    assert [error.message for flow in decoded for error in VALIDATOR.iter_errors(flow)] == []


@pytest.mark.parametrize("key", DEFAULT_FIELDS)
@pytest.mark.parametrize("name", ["nsg-v1.json", "nsg-v2.json", "vnet-v4.json"])
def test_a_flow_without_a_key_or_with_a_value_of_another_type_is_refused(name: str, key: str) -> None:
    flow = sound(name)

    assert VALIDATOR.is_valid(flow)
    assert not VALIDATOR.is_valid({other: value for other, value in flow.items() if other != key})
    assert not VALIDATOR.is_valid({**flow, key: [flow[key]]})


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("vnet-v4.json", {"more": 1}),
        ("vnet-v4.json", {"id": "ce997eaa88e61dca-12-ba213ecd"}),
        ("vnet-v4.json", {"time": "2026-11-20T09:00:03Z"}),
        ("vnet-v4.json", {"flowLogVersion": 2}),
        ("vnet-v4.json", {"flowLogType": "nsg"}),
        ("vnet-v4.json", {"srcIp": "10.0.0.256"}),
        ("vnet-v4.json", {"destIp": "fe80::1%eth0"}),
        ("vnet-v4.json", {"srcPort": 65536}),
        ("vnet-v4.json", {"destPort": -1}),
        ("vnet-v4.json", {"protocol": 256}),
        ("vnet-v4.json", {"decision": "denied"}),
        ("vnet-v4.json", {"flowState": None}),
        ("vnet-v4.json", {"encryption": None}),
        ("vnet-v4.json", {"bytesSrcToDest": 2**63}),
        ("vnet-v4.json", {"packetsDestToSrc": 0.5}),
        ("vnet-v4.json", {"ruleType": "other"}),
        ("nsg-v2.json", {"protocol": 1}),
        ("nsg-v2.json", {"flowState": "deny"}),
        ("nsg-v2.json", {"encryption": "NX"}),
        ("nsg-v2.json", {"flowLogResourceId": "/subscriptions/…"}),
        ("nsg-v1.json", {"flowState": "begin"}),
        ("nsg-v1.json", {"bytesSrcToDest": 0}),
        ("nsg-v1.json", {"flowLogVersion": 3}),
    ],
    ids=str,
)
def test_a_flow_with_a_value_that_its_format_cannot_have_is_refused(name: str, change: Flow) -> None:
    assert not VALIDATOR.is_valid({**sound(name), **change})


def test_the_limits_of_numbers_are_those_of_the_layouts() -> None:
    numbers = [
        (key, column)
        for layout in LAYOUTS
        for column in layout.columns
        for key, form in column.gives.items()
        if form in ("number", "number or null")
    ]

    assert {key for key, _ in numbers} == set(NUMBER_LIMITS)
    for key, column in numbers:
        assert re.fullmatch(column.pattern, str(NUMBER_LIMITS[key]))
        assert not re.fullmatch(column.pattern, str(NUMBER_LIMITS[key] + 1))


@pytest.mark.parametrize("text", ["X", "NX", "NX_A1", "NX_", "NXA", "Y", "nx", "NX_a", ""])
def test_an_encryption_is_valid_where_the_layout_takes_it(text: str) -> None:
    (pattern,) = [column.pattern for layout in LAYOUTS for column in layout.columns if "encryption" in column.gives]

    flow = {**sound("vnet-v4.json"), "encryption": text}
    assert VALIDATOR.is_valid(flow) == bool(re.fullmatch(pattern, text))


def test_each_key_has_a_meaning() -> None:
    assert tuple(MEANINGS) == ALL_KEYS
