"""Items whose name and content disagree, or whose blob the app would not forward: nothing is done on their account."""

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.quarantine import QuarantineItem, StoredItem
from flowlog_core.operations.quarantine.listing import ItemSelection, UnreadableItem, select_items
from flowlog_core.source.blob import SourceBlob
from flowlog_core.source.own_names import NAME_LIMIT
from tests.support.flow_logs import VNET, vnet_record
from tests.unit.operations.quarantine.replaying import FOUND, OLD_REASON, Setup

RECORD = vnet_record(2)
OTHER = SourceBlob(VNET.account, VNET.container, VNET.name.replace("00155D123456", "00155D999999"))
ELSEWHERE = SourceBlob("somebodys", "logs", VNET.name)


def item_of(blob: SourceBlob, raw: bytes = RECORD, offset: int = 12) -> QuarantineItem:
    return QuarantineItem(blob, offset, len(raw), zlib.crc32(raw), OLD_REASON, raw)


def changed(**fields: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda document: document | fields


PIECE = {"reason": "x", "offset": 12, "length": 5, "crc": "00000001", "tuples": []}
FORGED: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
    changed(blob=OTHER.path),
    changed(blob=ELSEWHERE.path),
    changed(offset=13),
    changed(offset=-12),
    changed(crc="00000001"),
    changed(raw=vnet_record(3).decode()),
    changed(raw=vnet_record(3).decode(), length=len(vnet_record(3))),
    changed(length=5),
    changed(remains=[PIECE | {"offset": 11}]),
    changed(remains=[PIECE, PIECE]),
    changed(remains=[PIECE | {"length": -1}]),
    changed(remains=[PIECE | {"offset": 12 + len(RECORD)}]),
]


@pytest.mark.parametrize("forge", FORGED)
def test_a_forged_document_sends_overwrites_and_deletes_nothing(forge: Callable[[Any], Any]) -> None:
    setup = Setup()
    genuine = [setup.put(vnet_record(1)), setup.put(vnet_record(1), 500)]
    forged = item_of(VNET)
    setup.quarantine.put(forged, FOUND)
    document = forge(json.loads(setup.quarantine.documents[forged.name]))
    setup.quarantine.documents[forged.name] = json.dumps(document).encode()
    before = dict(setup.quarantine.documents)

    recovered = setup.recovery.recover(setup.store.get(forged.name))
    found = {each.name: each for each in select_items(setup.store, ItemSelection(((VNET.account, VNET.container),)))}

    assert (recovered.flows, recovered.remains) == (0, 1)
    assert "left alone: " in str(recovered.reason)
    assert (setup.sink.events, setup.quarantine.documents) == ([], before)
    flagged = found.pop(forged.name)
    assert isinstance(flagged, UnreadableItem)
    assert "name and content disagree" in flagged.reason
    assert flagged.content is not None
    assert set(found) == {each.name for each in genuine}


def test_a_genuine_document_under_another_name_does_nothing_there() -> None:
    setup = Setup()
    genuine = setup.put(RECORD)
    name = genuine.name.replace("/12-", "/13-")
    setup.quarantine.documents[name] = setup.quarantine.documents[genuine.name]

    assert f"the content is that of {genuine.name}" in str(setup.recovery.recover(setup.store.get(name)).reason)
    assert set(setup.quarantine.documents) == {genuine.name, name}
    assert setup.recovery.recover(setup.store.get(genuine.name)).remains == 0


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (ELSEWHERE, "its storage account is none of FLOWLOG_SOURCES"),
        (replace(VNET, container="other"), "its container is none of FLOWLOG_CONTAINERS"),
        (replace(VNET, account="other"), "its storage account is none"),
        (replace(VNET, name="a/../b/PT1H.json"), "its name "),
        (replace(VNET, name="a/./PT1H.json"), "its name "),
        (replace(VNET, name="a//PT1H.json"), "its name "),
        (replace(VNET, name="a/b.json"), "its name "),
        (replace(VNET, name=f"{'a' * NAME_LIMIT}/PT1H.json"), "its name "),
        (replace(VNET, name="a\x85b/PT1H.json"), "a control character"),
        (replace(VNET, name="a\nb/PT1H.json"), "a control character"),
    ],
)
def test_of_a_blob_that_the_app_would_not_forward_nothing_is_sent(blob: SourceBlob, reason: str) -> None:
    setup = Setup()
    item = item_of(blob)
    setup.quarantine.put(item, FOUND)

    assert reason in str(setup.recover(item).reason)
    assert (setup.sink.events, setup.left()) == ([], [item])


LONG = replace(VNET, name=f"{'a' * 980}/y=2026/PT1H.json")


def test_a_name_that_was_cut_agrees_with_its_own_content_alone() -> None:
    setup = Setup()
    item, other = item_of(LONG), item_of(replace(LONG, name=f"{'a' * 980}/y=2027/PT1H.json"))
    setup.quarantine.put(item, FOUND)
    assert len(item.name) == NAME_LIMIT
    assert item.name[:980] == other.name[:980]

    setup.quarantine.documents[other.name] = item.document(FOUND)

    assert "left alone" in str(setup.recovery.recover(setup.store.get(other.name)).reason)
    assert (setup.sink.events, len(setup.quarantine.documents)) == ([], 2)
    assert setup.recover(item).flows == 2
    assert set(setup.quarantine.documents) == {other.name}


RAW = st.binary(max_size=30)
NAMES = st.text("ab~/0.é", min_size=1, max_size=1024)
OFFSETS = st.integers(0, 2**63 - 1)


@given(name=NAMES, offset=OFFSETS, raw=RAW, cuts=st.lists(st.integers(0, 30), max_size=4))
def test_whatever_is_put_in_quarantine_agrees_with_its_name(
    name: str, offset: int, raw: bytes, cuts: list[int]
) -> None:
    blob = replace(VNET, name=name)
    bounds = [0, *sorted(cut for cut in cuts if cut <= len(raw))]
    pieces = tuple(
        QuarantineItem(blob, offset + start, end - start, zlib.crc32(raw[start:end]), "x", None)
        for start, end in pairwise(bounds)
    )
    for item in (item_of(blob, raw, offset), replace(item_of(blob, raw, offset), remains=pieces)):
        assert StoredItem.read(item.name, item.document(FOUND)).disagreement is None


ITEMS = st.builds(item_of, NAMES.map(lambda name: replace(VNET, name=name)), RAW, OFFSETS)


@given(item=ITEMS, other=ITEMS)
def test_no_other_content_agrees_with_a_name(item: QuarantineItem, other: QuarantineItem) -> None:
    forged = replace(item, blob=other.blob), replace(item, offset=other.offset), replace(item, raw=other.raw), other

    for each in forged:
        agrees = StoredItem.read(item.name, each.document(FOUND)).disagreement is None
        assert agrees == (each == item)
