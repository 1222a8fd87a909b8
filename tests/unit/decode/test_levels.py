"""A fault costs what is below it, and nothing else: a record is read level by level."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.formats import levels
from flowlog_core.decode.log_reader import DecodedItem, LogReader
from flowlog_core.decode.rejected import RejectedTuple, Selection
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas.flow_1 import flow_schema
from tests.support import oracle
from tests.support.faulty_records import VNET_TUPLE, A, B, C, changed_records, group, mac, nsg, vnet
from tests.support.flow_logs import OPENER, VNET, document


def decode(value: Any, *, only: Selection | None = None) -> DecodedItem:
    """Decode the one record of a log."""
    (item,) = LogReader(VNET, Encoder(flow_schema(["id", "rule"])), only=only).read(
        [document([json.dumps(value).encode()])]
    )
    return item


def outcome(value: Any) -> tuple[list[int], list[RejectedTuple], str | None]:
    """Return the ordinals of the flows, what is rejected, and the reason of the quarantine item."""
    item = decode(value)
    ordinals = list(item.encoded.ordinals) if item.encoded else []
    return (
        ordinals,
        list(item.rejected.tuples if item.rejected else ()),
        item.rejected.reason if item.rejected else None,
    )


def withheld(ordinals: range, reason: str, pointer: str) -> list[RejectedTuple]:
    return [RejectedTuple(ordinal, reason, pointer) for ordinal in ordinals]


def test_a_rule_without_a_name_costs_its_own_tuples() -> None:
    value = vnet({"aclID": "a", "flowGroups": [group(A, 2), {"flowTuples": [VNET_TUPLE] * 3}, group(C, 1)]})
    at = "/flowRecords/flows/0/flowGroups/1"
    assert outcome(value) == ([0, 1, 5], withheld(range(2, 5), "no rule", at), "3 of 6 tuples give no flow")


def test_an_acl_that_is_null_costs_the_tuples_of_all_its_rules() -> None:
    value = vnet({"aclID": None, "flowGroups": [group(A, 2), group(B, 1)]}, {"aclID": "a", "flowGroups": [group(C, 1)]})
    expected = withheld(range(3), "aclID is not a string", "/flowRecords/flows/0")
    assert outcome(value) == ([3], expected, "3 of 4 tuples give no flow")


def test_a_mac_address_that_is_a_number_costs_its_own_tuples() -> None:
    value = nsg({"rule": A, "flows": [mac(5, 1), mac("m", 1)]}, {"rule": B, "flows": [mac("m", 1)]})
    expected = withheld(range(1), "mac is not a string", "/properties/flows/0/flows/0")
    assert outcome(value) == ([1, 2], expected, "1 of 3 tuples give no flow")


def test_a_rule_of_an_nsg_costs_the_tuples_of_all_its_mac_addresses() -> None:
    value = nsg({"rule": A, "flows": [mac("m", 1)]}, {"flows": [mac("m", 1), mac("n", 2)]})
    assert outcome(value)[:2] == ([0], withheld(range(1, 4), "no rule", "/properties/flows/1"))


def test_of_two_faults_one_below_the_other_the_upper_one_is_named() -> None:
    value = vnet({"aclID": None, "flowGroups": [group(None, 1)]})
    assert outcome(value)[1] == withheld(range(1), "aclID is not a string", "/flowRecords/flows/0")


@pytest.mark.parametrize(
    ("lower", "reason"),
    [
        ({"rule": B, "flowTuples": {"0": "x"}}, "flowTuples is not an array"),
        ({"rule": B}, "no flowTuples"),
        ({}, "no flowTuples"),
        (None, "flowGroups holds something that is no object"),
        ([group(B, 1)], "flowGroups holds something that is no object"),
    ],
)
def test_a_level_whose_tuples_cannot_be_counted_is_one_with_its_place(lower: object, reason: str) -> None:
    value = vnet({"aclID": "a", "flowGroups": [group(A, 1), lower, group(C, 1)]})
    expected = [RejectedTuple(None, reason, "/flowRecords/flows/0/flowGroups/1")]
    assert outcome(value) == ([0, 1], expected, "1 of 3 tuples give no flow")


def test_an_acl_whose_rules_are_no_array_is_one_with_its_place() -> None:
    value = vnet({"aclID": "a", "flowGroups": None}, {"aclID": "a", "flowGroups": [group(A, 1)]}, 7)
    assert outcome(value)[:2] == (
        [0],
        [
            RejectedTuple(None, "flowGroups is not an array", "/flowRecords/flows/0"),
            RejectedTuple(None, "flows holds something that is no object", "/flowRecords/flows/2"),
        ],
    )


@pytest.mark.parametrize(
    ("key", "wrong", "reason"),
    [
        ("time", None, "time is not a string"),
        ("macAddress", ..., "no macAddress"),
        ("targetResourceID", 5, "targetResourceID is not a string"),
        ("flowLogResourceID", [], "flowLogResourceID is not a string"),
        ("category", {}, "category is not a string"),
    ],
)
def test_a_fault_of_the_record_costs_all_of_its_tuples_each_with_its_ordinal(
    key: str, wrong: object, reason: str
) -> None:
    value = vnet({"aclID": "a", "flowGroups": [group(A, 2), {"rule": B}]}, {"aclID": "a", "flowGroups": [group(C, 1)]})
    value = {**value, key: wrong}
    if wrong is ...:
        del value[key]
    lost = RejectedTuple(None, "no flowTuples", "/flowRecords/flows/0/flowGroups/1")
    first, second = withheld(range(2), reason, ""), withheld(range(2, 3), reason, "")
    assert outcome(value) == ([], [*first, lost, *second], reason)


def test_a_level_without_tuples_costs_nothing_whatever_its_fault() -> None:
    value = vnet({"aclID": None, "flowGroups": []}, {"aclID": "a", "flowGroups": [group(None, 0), group(A, 1)]})
    assert outcome(value) == ([0], [], None)


def test_a_record_with_more_tuples_than_it_has_room_for_is_refused_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "MOST_TUPLES", 5)
    enough = vnet({"aclID": "a", "flowGroups": [group(A, 4)]})
    for more in (
        vnet({"aclID": "a", "flowGroups": [group(A, 5)]}),
        vnet({"aclID": "a", "flowGroups": [{}] * 6}),
        {**vnet({"aclID": None, "flowGroups": [group(A, 5)]}), "time": 7},
    ):
        assert outcome(more) == ([], [], "more than 5 tuples and flow groups")
    assert outcome(enough)[0] == [0, 1, 2, 3]


# What was rejected can be found again.


def test_of_a_record_only_what_was_rejected_is_decoded_where_that_is_asked_for() -> None:
    value = vnet({"aclID": "a", "flowGroups": [group(A, 2), group(B, 2), group(C, 2)]})
    rejected = [RejectedTuple(0, "old"), RejectedTuple(None, "old", "/flowRecords/flows/0/flowGroups/1")]
    item = decode(value, only=Selection(rejected))
    assert item.encoded is not None
    assert list(item.encoded.ordinals) == [0, 2, 3]


def test_a_level_that_was_rejected_has_all_that_is_below_it_and_nothing_else() -> None:
    acls = [{"aclID": "a", "flowGroups": [group(A, 1)]} for _ in range(11)]
    item = decode(vnet(*acls), only=Selection([RejectedTuple(None, "old", "/flowRecords/flows/1")]))
    assert item.encoded is not None
    assert list(item.encoded.ordinals) == [1]


# Any record, with anything in any place.


@given(st.lists(changed_records(), min_size=1, max_size=3))
def test_every_sound_tuple_of_any_record_flows_and_every_other_is_rejected_once(records: list[bytes]) -> None:
    items = list(LogReader(VNET, Encoder()).read([document(records)]))
    assert len(items) == len(records)
    offset = len(OPENER)
    for raw, item in zip(records, items, strict=True):
        reading = oracle.read(raw, offset, VNET.path)
        offset += len(raw) + 1
        lines = item.encoded.lines if item.encoded else []
        rejected = item.rejected.tuples if item.rejected else ()
        if reading is None:
            assert (lines, rejected, item.rejected is not None) == ([], (), True)
            continue
        flows = [{key: flow[key] for key in oracle.DEFAULT_KEYS} for flow in reading.flows if flow]
        assert [json.loads(line) for line in lines] == flows
        assert [each.ordinal for each in rejected if each.ordinal is not None] == [
            ordinal for ordinal, flow in enumerate(reading.flows) if flow is None
        ]
        assert [each.pointer for each in rejected if each.ordinal is None] == reading.uncounted
