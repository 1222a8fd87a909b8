"""Records with faults: built of levels, or changed in any place."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.support.flow_logs import nsg_record, vnet_record

type Path = tuple[str | int, ...]

VNET_TUPLE = "1663146003599,10.0.0.4,192.0.2.1,50001,443,6,O,B,NX,0,0,0,0"
NSG_TUPLE = "1663146003,10.0.0.4,192.0.2.1,50001,443,T,O,A,B,,,,"
A, B, C = "DefaultRule_A", "UserRule_B", "UserRule_C"


def vnet(*acls: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(vnet_record(0))
    return {**value, "flowRecords": {"flows": list(acls)}}


def nsg(*rules: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(nsg_record([]))
    return {**value, "properties": {"Version": 2, "flows": list(rules)}}


def group(rule: Any, count: int) -> dict[str, Any]:
    return {"rule": rule, "flowTuples": [VNET_TUPLE] * count}


def mac(address: Any, count: int) -> dict[str, Any]:
    return {"mac": address, "flowTuples": [NSG_TUPLE] * count}


def places(value: object, path: Path = ()) -> Iterator[Path]:
    """Every place in a value below its top."""
    children: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def change(value: Any, path: Path, new: object) -> None:
    for step in path[:-1]:
        value = value[step]
    if new is ...:
        del value[path[-1]]
    else:
        value[path[-1]] = new


SEVERAL = (
    vnet(
        {"aclID": "a", "flowGroups": [group(A, 2), group(B, 1)]},
        {"aclID": "b", "flowGroups": [group(C, 0), group(A, 3)]},
    ),
    nsg({"rule": A, "flows": [mac("m", 2), mac("n", 1)]}, {"rule": B, "flows": [mac("m", 2)]}),
)
WRONG: st.SearchStrategy[Any] = st.sampled_from(
    [..., None, 0, 1, -1.5, True, "", "x", [], [1], ["x"], [[]], {}, {"a": 1}, {"flowTuples": []}]
)


@st.composite
def changed_records(draw: st.DrawFn) -> bytes:
    """Records with up to three places changed or taken away."""
    value = copy.deepcopy(draw(st.sampled_from(SEVERAL)))
    for _ in range(draw(st.integers(0, 3))):
        change(value, draw(st.sampled_from(list(places(value)))), copy.deepcopy(draw(WRONG)))
    return json.dumps(value).encode()
