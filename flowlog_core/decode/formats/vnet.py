"""VNet flow logs, version 4 (learn.microsoft.com, "Virtual network flow logs", log format).

A record: ``time``, ``flowLogVersion``, ``flowLogGUID``, ``macAddress``, ``category``, ``flowLogResourceID``,
``targetResourceID``, ``operationName`` and ``flowRecords``:
``{"flows": [{"aclID": …, "flowGroups": [{"rule": …, "flowTuples": […]}]}]}``. Real ones have the keys in
alphabetical order, documented ones begin with ``time``.
"""

from typing import Final

from flowlog_core.decode.formats.layout import (
    COUNTERS,
    DESTINATION_ADDRESS,
    DESTINATION_PORT,
    DIRECTION,
    ENCRYPTION,
    NUMBER_PROTOCOL,
    SOURCE_ADDRESS,
    SOURCE_PORT,
    STATE_OR_DENIED,
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
    {
        "time",
        "flowLogVersion",
        "flowLogGUID",
        "macAddress",
        "category",
        "flowLogResourceID",
        "targetResourceID",
        "operationName",
        "flowRecords",
    }
)

LAYOUTS: Final = {
    4: Layout(
        "vnet",
        4,
        (
            TIME,
            SOURCE_ADDRESS,
            DESTINATION_ADDRESS,
            SOURCE_PORT,
            DESTINATION_PORT,
            NUMBER_PROTOCOL,
            DIRECTION,
            STATE_OR_DENIED,
            ENCRYPTION,
            *COUNTERS,
        ),
    ),
}
"""Version to layout: 13 columns."""


_LEVELS: Final = Levels("/flowRecords/flows", upper="flows", upper_name="aclID", lower="flowGroups", lower_name="rule")


def decode(value: Json) -> FlowRecord | WithheldRecord:
    """Read a record of a VNet flow log.

    Raises:
        ShapeError: Its version or its shape is not known, so that its tuples can't be counted.

    """
    number = version(value, "flowLogVersion")
    layout = LAYOUTS.get(number)
    if layout is None:
        raise ShapeError(f"VNet flow log version {number} is not known")
    flow_records = value.get("flowRecords")
    if not isinstance(flow_records, dict):
        raise ShapeError("flowRecords is not an object")
    flows = array(flow_records, "flows")
    try:
        mac_address = text(value, "macAddress")
        return FlowRecord(
            layout=layout,
            time=text(value, "time"),
            target_resource_id=text(value, "targetResourceID"),
            flow_log_resource_id=text_or_none(value, "flowLogResourceID"),
            category=text_or_none(value, "category"),
            operation_name=text_or_none(value, "operationName"),
            flow_log_guid=text_or_none(value, "flowLogGUID"),
            groups=_LEVELS.read(
                flows,
                lambda acl, rule, tuples, ordinals, at: FlowGroup(mac_address, acl, rule, tuples, ordinals, at),
            ),
        )
    except ShapeError as error:
        return WithheldRecord(str(error), _LEVELS.withhold(flows, str(error)))
