"""NSG flow logs, version 1 and 2 (learn.microsoft.com, "NSG flow logs overview", log format).

A record: ``time``, ``systemId``, ``macAddress``, ``category``, ``resourceId`` (the NSG), ``operationName`` and
``properties``: ``{"Version": 2, "flows": [{"rule": …, "flows": [{"mac": …, "flowTuples": […]}]}]}``.
"""

from typing import Final

from flowlog_core.decode.formats.layout import (
    COUNTERS,
    DECISION,
    DESTINATION_ADDRESS,
    DESTINATION_PORT,
    DIRECTION,
    LETTER_PROTOCOL,
    SOURCE_ADDRESS,
    SOURCE_PORT,
    STATE,
    TIME,
    Layout,
)
from flowlog_core.decode.formats.levels import Levels
from flowlog_core.decode.formats.record import (
    FlowGroup,
    FlowRecord,
    Json,
    WithheldRecord,
    array,
    text,
    text_or_none,
    version,
)
from flowlog_core.errors import ShapeError

RECORD_KEYS: Final = frozenset(
    {"time", "systemId", "macAddress", "category", "resourceId", "operationName", "properties"}
)

_COLUMNS: Final = (
    TIME,
    SOURCE_ADDRESS,
    DESTINATION_ADDRESS,
    SOURCE_PORT,
    DESTINATION_PORT,
    LETTER_PROTOCOL,
    DIRECTION,
    DECISION,
)

LAYOUTS: Final = {
    1: Layout("nsg", 1, _COLUMNS),
    2: Layout("nsg", 2, (*_COLUMNS, STATE, *COUNTERS)),
}
"""Version to layout: 8 columns, and 13 with flow state and counters."""


_LEVELS: Final = Levels("/properties/flows", upper="flows", upper_name="rule", lower="flows", lower_name="mac")


def decode(value: Json) -> FlowRecord | WithheldRecord:
    """Read a record of an NSG flow log.

    Raises:
        ShapeError: Its version or its shape is not known, so that its tuples can't be counted.

    """
    properties = value.get("properties")
    if not isinstance(properties, dict):
        raise ShapeError("properties is not an object")
    number = version(properties, "Version")
    layout = LAYOUTS.get(number)
    if layout is None:
        raise ShapeError(f"NSG flow log version {number} is not known")
    flows = array(properties, "flows")
    try:
        resource_id = text(value, "resourceId")
        return FlowRecord(
            layout=layout,
            time=text(value, "time"),
            target_resource_id=resource_id,
            flow_log_resource_id=None,
            category=text_or_none(value, "category"),
            operation_name=text_or_none(value, "operationName"),
            flow_log_guid=text_or_none(value, "systemId"),
            groups=_LEVELS.read(
                flows,
                lambda rule, mac, tuples, ordinals, at: FlowGroup(mac, resource_id, rule, tuples, ordinals, at),
            ),
        )
    except ShapeError as error:
        return WithheldRecord(str(error), _LEVELS.withhold(flows, str(error)))
