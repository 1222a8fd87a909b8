"""Judges an event by the JSON Schema that docs/schemas has of its schema."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema_rs import Draft202012Validator

from flowlog_core.flow.schemas import SCHEMAS, SchemaName

FOLDER: Final = Path(__file__).parents[2] / "docs" / "schemas"


def file_of(schema: SchemaName) -> Path:
    """Return the file of a schema."""
    return FOLDER / f"{SCHEMAS[schema].name.replace('/', '-')}.json"


@cache
def _validator(schema: SchemaName) -> Draft202012Validator:
    return Draft202012Validator(json.loads(file_of(schema).read_text(encoding="utf-8")), validate_formats=True)


def json_schema_faults(schema: SchemaName, event: dict[str, Any]) -> list[str]:
    """List what the JSON Schema doesn't allow of an event; nothing where it is valid."""
    return [f"{error.instance_path}: {error.message}" for error in _validator(schema).iter_errors(event)]
