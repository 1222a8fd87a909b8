"""Judges an event by OCSF's own class, as the package ocsf-json-schema has it, and by what that can't say."""

from functools import cache
from typing import Any, Final

from jsonschema_rs import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

VERSION: Final = "1.8.0"
PROFILES: Final = ["cloud", "security_control"]


@cache
def _validator() -> Draft202012Validator:
    """Make the class, in which no attribute but its own may stand, at any depth."""
    classes = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=VERSION))
    return Draft202012Validator(classes.get_class_schema(class_name="network_activity", profiles=PROFILES))


def ocsf_faults(event: dict[str, Any]) -> list[str]:
    """List what OCSF doesn't allow of an event; nothing where it is one."""
    faults = [f"{error.instance_path}: {error.message}" for error in _validator().iter_errors(event)]
    if event.get("type_uid") != event.get("class_uid", 0) * 100 + event.get("activity_id", 0):
        faults.append("type_uid is not the class's number, two digits further, and the activity's")
    metadata = event.get("metadata", {})
    if metadata.get("version") != VERSION or metadata.get("profiles") != PROFILES:
        faults.append(f"metadata names another version than {VERSION}, or other profiles than {PROFILES}")
    return faults
