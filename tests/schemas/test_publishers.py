"""Every event that the product writes is one by its schema's publisher, and broken copies are none."""

from collections import Counter

import pytest
from hypothesis import given

from flowlog_core.flow.schemas import SCHEMAS, SchemaName
from tests.schemas.asim_columns import COLUMNS, NOT_IN_THE_TESTER
from tests.schemas.broken_copies import BROKEN, break_copy, fullest_event, leaves_of
from tests.schemas.cases import CASES
from tests.schemas.ecs_fields import FIELDS
from tests.schemas.publishers import PUBLISHERS, Event, events_of
from tests.unit.flow.records import flow_records

by_schema = pytest.mark.parametrize("schema", PUBLISHERS)


def all_events(schema: SchemaName) -> list[Event]:
    return [event for case in CASES.values() for raw in case.records for event in events_of(raw, schema)]


@by_schema
def test_the_publisher_is_of_the_version_that_events_carry(schema: SchemaName) -> None:
    assert SCHEMAS[schema].name == PUBLISHERS[schema].schema


def test_each_schema_but_our_own_has_a_publisher() -> None:
    assert {*PUBLISHERS, "flow"} == set(SCHEMAS)


@by_schema
@pytest.mark.parametrize("subject", CASES)
def test_every_event_is_one_by_its_publisher(schema: SchemaName, subject: str) -> None:
    case = CASES[subject]

    validated = 0
    for raw in case.records:
        for event in events_of(raw, schema):
            assert PUBLISHERS[schema].faults(event) == []
            validated += 1

    assert validated == case.flows > 0


@by_schema
@given(raw=flow_records())
def test_any_record_gives_events_of_the_publisher(schema: SchemaName, raw: bytes) -> None:
    for event in events_of(raw, schema):
        assert PUBLISHERS[schema].faults(event) == []


@pytest.mark.parametrize(("schema", "name"), BROKEN)
def test_the_publisher_refuses_a_broken_copy(schema: SchemaName, name: str) -> None:
    event = fullest_event(schema)

    assert PUBLISHERS[schema].faults(event) == []
    assert PUBLISHERS[schema].faults(break_copy(schema, name, event)) != []


@pytest.mark.parametrize(("schema", "table"), [("ecs", FIELDS), ("asim", COLUMNS)])
def test_the_table_has_what_is_written_and_no_more(schema: SchemaName, table: dict[str, object]) -> None:
    written = Counter(
        path[0] if schema == "asim" else ".".join(path) for event in all_events(schema) for path in leaves_of(event)
    )

    assert set(written) == set(table)


def test_what_the_tester_of_asim_does_not_know_is_written() -> None:
    written = {(name, event[name]) for event in all_events("asim") for name in NOT_IN_THE_TESTER}

    for name, values in NOT_IN_THE_TESTER.items():
        assert values.isdisjoint(COLUMNS[name].allowed)
        assert {(name, value) for value in values} <= written


@by_schema
def test_an_event_has_the_values_of_its_flow_and_an_id_of_its_own(schema: SchemaName) -> None:
    publisher = PUBLISHERS[schema]
    for case in CASES.values():
        for raw in case.records:
            found = [publisher.values_of(event) for event in events_of(raw, schema)]
            assert found == [{key: flow[key] for key in publisher.places} for flow in events_of(raw, "flow")]
            assert len({values["id"] for values in found}) == len(found)
