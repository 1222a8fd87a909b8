"""A record is read by the layout of its own version, and nothing is ever guessed at."""

import copy
import json
from collections.abc import Sequence
from typing import Any

import pytest

from flowlog_core.decode.formats import decode
from flowlog_core.decode.formats.record import FlowRecord
from flowlog_core.errors import ShapeError
from tests.support.flow_logs import nsg_record, vnet_record
from tests.unit.decode.sound_tuples import NSG_1, NSG_2, SOUND, VNET_4

NSG_VALUE: dict[str, Any] = json.loads(nsg_record([SOUND[NSG_2]]))
VNET_VALUE: dict[str, Any] = json.loads(vnet_record(1))


def read(value: dict[str, Any]) -> FlowRecord:
    return decode(json.dumps(value).encode(), value)


def edited(value: dict[str, Any], place: Sequence[str | int], new: object) -> dict[str, Any]:
    """Copy a record with one value replaced, or taken away where the new one is ``...``."""
    complete = copy.deepcopy(value)
    node: Any = complete
    for step in place[:-1]:
        node = node[step]
    if new is ...:
        del node[place[-1]]
    else:
        node[place[-1]] = new
    return complete


@pytest.mark.parametrize("version", [2, "2", 2.0, "2.0", "2.00"])
def test_a_version_is_a_number_or_a_string(version: object) -> None:
    assert read(edited(NSG_VALUE, ["properties", "Version"], version)).layout is NSG_2


@pytest.mark.parametrize("version", [4, "4", 4.0, "4.0"])
def test_a_vnet_version_is_a_number_or_a_string(version: object) -> None:
    assert read(edited(VNET_VALUE, ["flowLogVersion"], version)).layout is VNET_4


@pytest.mark.parametrize(
    "version",
    [
        None,
        True,
        "",
        "two",
        "v2",
        "2.1",
        2.5,
        "2.",
        ".2",
        "-2",
        "+2",
        " 2",
        "2 ",
        "2\n",
        "\N{FULLWIDTH DIGIT TWO}",
        "2e0",
        [2],
        {"2": 2},
    ],
)
def test_what_is_no_version_is_refused(version: object) -> None:
    for value, place in ((NSG_VALUE, ["properties", "Version"]), (VNET_VALUE, ["flowLogVersion"])):
        with pytest.raises(ShapeError, match=r"Version is no version$"):
            read(edited(value, place, version))


@pytest.mark.parametrize("version", [0, 3, 4, 12, "3.0"])
def test_an_unknown_nsg_version_is_refused(version: object) -> None:
    with pytest.raises(ShapeError, match=r"^NSG flow log version \d+ is not known$"):
        read(edited(NSG_VALUE, ["properties", "Version"], version))


@pytest.mark.parametrize("version", [0, 1, 2, 3, 5, "5"])
def test_an_unknown_vnet_version_is_refused(version: object) -> None:
    with pytest.raises(ShapeError, match=r"^VNet flow log version \d+ is not known$"):
        read(edited(VNET_VALUE, ["flowLogVersion"], version))


def test_a_record_in_two_formats_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"^two formats in one record$"):
        read(NSG_VALUE | {"flowRecords": VNET_VALUE["flowRecords"], "flowLogVersion": 4})


@pytest.mark.parametrize("value", [{}, {"records": []}, {"time": "x"}, {"Properties": {}}], ids=str)
def test_a_record_in_no_format_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ShapeError, match=r"^neither an NSG nor a VNet flow log's record$"):
        read(value)


NSG_PLACES: list[tuple[list[str | int], str]] = [
    (["time"], "time"),
    (["resourceId"], "resourceId"),
    (["properties", "flows"], "flows"),
    (["properties", "flows", 0, "rule"], "rule"),
    (["properties", "flows", 0, "flows"], "flows"),
    (["properties", "flows", 0, "flows", 0, "mac"], "mac"),
    (["properties", "flows", 0, "flows", 0, "flowTuples"], "flowTuples"),
]
VNET_PLACES: list[tuple[list[str | int], str]] = [
    (["time"], "time"),
    (["macAddress"], "macAddress"),
    (["targetResourceID"], "targetResourceID"),
    (["flowRecords", "flows"], "flows"),
    (["flowRecords", "flows", 0, "aclID"], "aclID"),
    (["flowRecords", "flows", 0, "flowGroups"], "flowGroups"),
    (["flowRecords", "flows", 0, "flowGroups", 0, "rule"], "rule"),
    (["flowRecords", "flows", 0, "flowGroups", 0, "flowTuples"], "flowTuples"),
]
PLACES = [(NSG_VALUE, *each) for each in NSG_PLACES] + [(VNET_VALUE, *each) for each in VNET_PLACES]


@pytest.mark.parametrize(("value", "place", "name"), PLACES)
def test_a_record_that_lacks_a_part_is_refused_with_the_parts_name(
    value: dict[str, Any], place: list[str | int], name: str
) -> None:
    with pytest.raises(ShapeError, match=rf"^no {name}$"):
        read(edited(value, place, ...))


@pytest.mark.parametrize("wrong", [None, 1, {}, {"a": "hidden"}, True], ids=str)
@pytest.mark.parametrize(("value", "place", "name"), PLACES)
def test_a_part_of_another_type_is_refused_with_its_name(
    value: dict[str, Any], place: list[str | int], name: str, wrong: object
) -> None:
    with pytest.raises(ShapeError, match=rf"^{name} is not (a string|an array)$"):
        read(edited(value, place, wrong))


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (NSG_VALUE, ["properties", "flows", 0]),
        (NSG_VALUE, ["properties", "flows", 0, "flows", 0]),
        (VNET_VALUE, ["flowRecords", "flows", 0]),
        (VNET_VALUE, ["flowRecords", "flows", 0, "flowGroups", 0]),
        (NSG_VALUE, ["properties"]),
        (VNET_VALUE, ["flowRecords"]),
    ],
)
@pytest.mark.parametrize("wrong", [None, "hidden", [], 0], ids=str)
def test_what_should_be_an_object_and_is_not_is_refused(
    value: dict[str, Any], place: list[str | int], wrong: object
) -> None:
    with pytest.raises(ShapeError, match=r"^(flows|flowGroups) holds something that is no object$|is not an object$"):
        read(edited(value, place, wrong))


@pytest.mark.parametrize("key", ["category", "operationName", "systemId"])
def test_parts_that_no_flow_has_by_default_may_be_missing_or_null_but_not_of_another_type(key: str) -> None:
    assert read(edited(NSG_VALUE, [key], ...)).layout is NSG_2
    assert read(edited(NSG_VALUE, [key], None)).layout is NSG_2
    with pytest.raises(ShapeError, match=rf"^{key} is not a string$"):
        read(edited(NSG_VALUE, [key], 1))


def test_keys_that_are_not_known_change_nothing() -> None:
    groups = read(VNET_VALUE).groups
    assert read(VNET_VALUE | {"future": {"macAddress": [1, None, "x"]}}).groups == groups
    assert read(edited(VNET_VALUE, ["flowRecords", "flows", 0, "future"], ["x"])).groups == groups


def test_a_record_without_flows_is_sound() -> None:
    assert read(edited(NSG_VALUE, ["properties", "flows"], [])).groups == []
    assert read(edited(VNET_VALUE, ["flowRecords", "flows"], [])).groups == []


def test_the_layout_is_chosen_for_each_record_anew() -> None:
    values = [edited(NSG_VALUE, ["properties", "Version"], version) for version in (2, 1, 2)]
    assert [read(value).layout for value in values] == [NSG_2, NSG_1, NSG_2]
