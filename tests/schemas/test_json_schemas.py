"""The JSON Schemas in docs/schemas take every event that the product writes, and no broken copy."""

import copy
import json
from typing import Final

import pytest
from hypothesis import given
from jsonschema_rs import meta

from flowlog_core.flow.schemas import SCHEMAS, SchemaName
from tests.schemas.broken_copies import BROKEN, break_copy, fullest_event, leaves_of
from tests.schemas.cases import CASES
from tests.schemas.json_schemas import FOLDER, file_of, json_schema_faults
from tests.schemas.publishers import PUBLISHERS, events_of, value_at
from tests.unit.flow.records import flow_records

NOT_LISTED: Final = {("asim", "protocol in lower case")}
"""What only the publisher refuses: our JSON Schema has names of protocols as any text, as that of `flow/1` has."""

by_schema = pytest.mark.parametrize("schema", PUBLISHERS)


def test_each_schema_has_a_file_and_there_are_no_others() -> None:
    assert sorted(FOLDER.glob("*.json")) == sorted(map(file_of, SCHEMAS))


@by_schema
def test_the_schema_is_one(schema: SchemaName) -> None:
    meta.validate(json.loads(file_of(schema).read_text(encoding="utf-8")))


@by_schema
@pytest.mark.parametrize("subject", CASES)
def test_every_event_is_valid(schema: SchemaName, subject: str) -> None:
    case = CASES[subject]

    validated = 0
    for raw in case.records:
        for event in events_of(raw, schema):
            assert json_schema_faults(schema, event) == []
            validated += 1

    assert validated == case.flows > 0


@by_schema
@given(raw=flow_records())
def test_any_record_gives_valid_events(schema: SchemaName, raw: bytes) -> None:
    for event in events_of(raw, schema):
        assert json_schema_faults(schema, event) == []


@pytest.mark.parametrize(("schema", "name"), BROKEN)
def test_a_broken_copy_is_refused(schema: SchemaName, name: str) -> None:
    broken = break_copy(schema, name, fullest_event(schema))

    assert (json_schema_faults(schema, broken) == []) == ((schema, name) in NOT_LISTED)


@by_schema
def test_no_value_may_be_of_another_type_and_none_unknown(schema: SchemaName) -> None:
    event = fullest_event(schema)

    for *above, key in leaves_of(event):
        for other in (None, {"x": 1}, [{"x": 1}], 0.5, True):
            broken = copy.deepcopy(event)
            value_at(broken, tuple(above))[key] = other
            assert json_schema_faults(schema, broken) != [], (above, key, other)
        broken = copy.deepcopy(event)
        value_at(broken, tuple(above))["more"] = 1
        assert json_schema_faults(schema, broken) != [], above
