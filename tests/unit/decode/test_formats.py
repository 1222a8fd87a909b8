"""A record is read by the layout of its own version, and nothing is ever guessed at."""

import copy
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from flowlog_core.decode.formats import FlowRecord
from flowlog_core.errors import ShapeError
from tests.support.flow_logs import decoded, nsg_record, vnet_record
from tests.unit.decode.sound_tuples import NSG_1, NSG_2, SOUND, VNET_4

NSG_VALUE: dict[str, Any] = json.loads(nsg_record([SOUND[NSG_2]]))
VNET_VALUE: dict[str, Any] = json.loads(vnet_record(1))


def read(value: dict[str, Any]) -> FlowRecord:
    return decoded(json.dumps(value).encode())


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


@pytest.mark.parametrize(
    ("value", "place"), [(NSG_VALUE, ["properties", "flows"]), (VNET_VALUE, ["flowRecords", "flows"])]
)
def test_a_record_without_its_levels_is_refused_with_their_name(value: dict[str, Any], place: list[str | int]) -> None:
    with pytest.raises(ShapeError, match=r"^no flows$"):
        read(edited(value, place, ...))
    for wrong in (None, 1, {}, {"a": "hidden"}, True):
        with pytest.raises(ShapeError, match=r"^flows is not an array$"):
            read(edited(value, place, wrong))


@pytest.mark.parametrize(("value", "key"), [(NSG_VALUE, "properties"), (VNET_VALUE, "flowRecords")])
@pytest.mark.parametrize("wrong", [None, "hidden", [], 0], ids=str)
def test_a_record_whose_levels_are_in_no_object_is_refused(value: dict[str, Any], key: str, wrong: object) -> None:
    with pytest.raises(ShapeError, match=rf"^{key} is not an object$"):
        read(edited(value, [key], wrong))


@pytest.mark.parametrize("key", ["category", "operationName", "systemId"])
def test_parts_that_no_flow_has_by_default_may_be_missing_or_null(key: str) -> None:
    assert read(edited(NSG_VALUE, [key], ...)).layout is NSG_2
    assert read(edited(NSG_VALUE, [key], None)).layout is NSG_2


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


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-11-20T23:05:30.1234567Z", datetime(2026, 11, 20, 23, 5, 30, 123456, UTC)),
        ("2026-11-20T23:05:30", datetime(2026, 11, 20, 23, 5, 30, tzinfo=UTC)),
        ("2026-11-20T23:05:30.5+05:30", datetime(2026, 11, 20, 17, 35, 30, 500000, UTC)),
        ("2026-12-31T23:59:60Z", None),
        ("2026-02-29T00:00:00Z", None),
        ("2026-11-20 23:05:30", None),
        ("2026-11-20", None),
        ("11/20/2026 11:05:30 PM", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-11-20T23:05:30Z\n", None),
        ("\N{FULLWIDTH DIGIT TWO}026-11-20T23:05:30Z", None),
        ("", None),
    ],
)
def test_a_records_time_is_kept_as_written_and_read_only_where_it_is_one(written: str, moment: datetime | None) -> None:
    for value in (NSG_VALUE, VNET_VALUE):
        record = read(edited(value, ["time"], written))
        assert (record.time, record.moment) == (written, moment)
