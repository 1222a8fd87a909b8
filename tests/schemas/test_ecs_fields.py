"""The table of fields is right by Elastic's own list of them, where that is at hand."""

import csv

from tests.schemas.ecs_fields import FIELDS, VERSION
from tests.support.tools import require_file


def test_types_and_arrays_are_those_of_elastics_list() -> None:
    """The environment variable ECS_FIELDS names the list: a CSV file with field, type and normalization."""
    path = require_file("ECS_FIELDS", "ecs-fields")
    assert VERSION in path.name
    with path.open(encoding="utf-8", newline="") as file:
        listed = {row["field"]: (row["type"], row["normalization"] == "array") for row in csv.DictReader(file)}

    ours = {name: (field.type, field.array) for name, field in FIELDS.items() if not field.custom}
    assert ours == {name: listed.get(name) for name in ours}
    assert [name for name, field in FIELDS.items() if field.custom and name in listed] == []
