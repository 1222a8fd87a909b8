"""The flow schema ``flow/1`` as data: the keys of a flow, their order, and at which level each value is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from flowlog_core.errors import FieldsError
from flowlog_core.flow.tree import Object, Schema, Value

Level = Literal["record", "group", "tuple"]
"""Where a value is known: once a record, once a flow group (rule, ACL, MAC address), or once a tuple."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a flow.

    Attributes:
        name: The key as written.
        level: Where its value is known.
        default: Whether a flow has it unless asked otherwise.

    """

    name: str
    level: Level
    default: bool = True


KEYS: Final = (
    Key("id", "tuple"),
    Key("time", "tuple"),
    Key("recordTime", "record"),
    Key("flowLogType", "record"),
    Key("flowLogVersion", "record"),
    Key("macAddress", "group"),
    Key("flowLogResourceId", "record"),
    Key("targetResourceId", "record"),
    Key("aclId", "group"),
    Key("rule", "group"),
    Key("srcIp", "tuple"),
    Key("destIp", "tuple"),
    Key("srcPort", "tuple"),
    Key("destPort", "tuple"),
    Key("protocol", "tuple"),
    Key("direction", "tuple"),
    Key("decision", "tuple"),
    Key("flowState", "tuple"),
    Key("encryption", "tuple"),
    Key("packetsSrcToDest", "tuple"),
    Key("bytesSrcToDest", "tuple"),
    Key("packetsDestToSrc", "tuple"),
    Key("bytesDestToSrc", "tuple"),
    Key("category", "record", default=False),
    Key("operationName", "record", default=False),
    Key("flowLogGuid", "record", default=False),
    Key("subscriptionId", "record", default=False),
    Key("resourceGroup", "record", default=False),
    Key("resourceType", "record", default=False),
    Key("resourceName", "record", default=False),
    Key("ruleType", "group", default=False),
    Key("protocolName", "tuple", default=False),
    Key("blob", "record", default=False),
    Key("ipVersion", "tuple", default=False),
    Key("bytes", "tuple", default=False),
    Key("packets", "tuple", default=False),
    Key("communityId", "tuple", default=False),
)
"""All keys, the default ones first, in the order in which a flow has them."""

BY_NAME: Final = {key.name: key for key in KEYS}
DEFAULT_FIELDS: Final = tuple(key.name for key in KEYS if key.default)


def flow_schema(fields: Sequence[str] = DEFAULT_FIELDS) -> Schema:
    """Return the schema for a choice of fields, in their order."""
    return Schema("flow/1", Object({name: Value(name) for name in fields}))


FLOW: Final = flow_schema()
"""The schema with its default keys."""


def select_fields(text: str) -> tuple[str, ...]:
    """Read a choice of fields: ``+key,-key`` edits the default, a plain list of keys replaces it.

    Raises:
        FieldsError: A key is unknown or repeated, the two ways are mixed, or nothing is left.

    """
    if not text.strip():
        return DEFAULT_FIELDS
    words = [word.strip() for word in text.split(",")]
    edits = [word[:1] in {"+", "-"} for word in words]
    if any(edits) and not all(edits):
        raise FieldsError("takes either edits of the default (+key,-key) or a plain list of keys, not both")
    names = [word[1:].strip() if edit else word for word, edit in zip(words, edits, strict=True)]
    for name in names:
        if name not in BY_NAME:
            raise FieldsError(f"{name!r} is no key of a flow; the keys are {', '.join(BY_NAME)}")
        if names.count(name) > 1:
            raise FieldsError(f"{name!r} stands there more than once")
    fields = _edit_default(words) if all(edits) else tuple(names)
    if not fields:
        raise FieldsError("leaves no key")
    return fields


def _edit_default(words: list[str]) -> tuple[str, ...]:
    fields = list(DEFAULT_FIELDS)
    for word in words:
        name = word[1:].strip()
        if word[0] == "+":
            if name in fields:
                raise FieldsError(f"{name!r} is in the default already")
            fields.append(name)
        elif name in fields:
            fields.remove(name)
        else:
            raise FieldsError(f"{name!r} is not in the default")
    return tuple(fields)
