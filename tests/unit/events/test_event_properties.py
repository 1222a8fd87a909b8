"""What an event says of itself is read as it was written, and nobody else's properties are taken for it."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core import __version__
from flowlog_core.events.event_properties import PRODUCER, EventProperties
from flowlog_core.flow.schemas.flow_1 import DEFAULT_FIELDS
from flowlog_core.source.blob import ByteRange

ROOT = Path(__file__).resolve().parents[3]
LONGS = st.integers(0, 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
FIELDS = st.just(DEFAULT_FIELDS) | st.lists(st.sampled_from(DEFAULT_FIELDS), min_size=1, unique=True).map(tuple)
RANGES = st.tuples(LONGS, LONGS).filter(lambda ends: ends[0] != ends[1]).map(lambda ends: ByteRange(*sorted(ends)))
PARTS = st.tuples(st.integers(0, 999_999), st.integers(1, 1_000_000)).filter(lambda parts: parts[0] < parts[1])


@st.composite
def event_properties(draw: st.DrawFn) -> EventProperties:
    part, parts = draw(PARTS)
    return EventProperties(
        blob=draw(TEXTS),
        generation=draw(LONGS),
        byte_range=draw(RANGES),
        part=part,
        parts=parts,
        flows=draw(LONGS),
        quarantined=draw(LONGS),
        first_id=draw(TEXTS),
        last_id=draw(TEXTS),
        fields=draw(FIELDS),
        replay=draw(st.none() | TEXTS),
        producer=draw(st.none() | TEXTS),
        tuples=draw(st.none() | LONGS),
    )


SOME = EventProperties(
    blob="account/container/name",
    generation=1,
    byte_range=ByteRange(12, 345),
    part=1,
    parts=3,
    flows=7,
    quarantined=2,
    first_id="a",
    last_id="b",
    tuples=9,
)


@given(event_properties())
def test_properties_are_read_as_they_were_written(properties: EventProperties) -> None:
    assert EventProperties.read(properties.write()) == properties


def test_the_properties_are_the_contracts() -> None:
    assert SOME.write() == {
        "schema": "flow/1",
        "producer": PRODUCER,
        "blob": "account/container/name",
        "generation": 1,
        "rangeStart": 12,
        "rangeEnd": 345,
        "part": 1,
        "parts": 3,
        "flows": 7,
        "tuples": 9,
        "quarantined": 2,
        "firstId": "a",
        "lastId": "b",
    }


def test_the_producer_is_the_products_name_and_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert f"{project['name']}/{__version__}" == PRODUCER


def test_events_made_before_they_named_their_producer_or_what_their_range_holds_are_read() -> None:
    properties = SOME.write()
    del properties["producer"], properties["tuples"]

    read = EventProperties.read(properties)

    assert read == replace(SOME, producer=None, tuples=None)


@pytest.mark.parametrize(
    "other",
    [
        {"schema": "flow/2"},
        {"schema": 1},
        {"blob": 7},
        {"replay": 7},
        {"fields": 7},
        {"producer": 7},
        {"tuples": "7"},
        {"tuples": -1},
        {"firstId": 7},
        {"rangeStart": "12"},
        {"rangeStart": -1},
        {"rangeEnd": 12},
        {"part": 3},
        {"parts": 10**12},
    ],
)
def test_an_event_of_anybody_else_is_told_apart(other: dict[str, str | int]) -> None:
    assert EventProperties.read({**SOME.write(), **other}) is None


@pytest.mark.parametrize("missing", sorted(SOME.write().keys() - {"producer", "tuples"}))
def test_an_event_that_lacks_a_property_is_not_the_forwarders(missing: str) -> None:
    properties = SOME.write()
    del properties[missing]

    assert EventProperties.read(properties) is None
