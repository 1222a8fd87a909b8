"""The records are what Network Watcher would write, and what is expected of them is what they say."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.network_watcher.block_blob import Append, BlockBlob
from local.network_watcher.expected import expect
from local.network_watcher.fleet import fleet
from local.network_watcher.internet import internet_facing
from local.network_watcher.records import PLAIN, RECORD_BYTES, Oddities, Record, Recorder
from local.network_watcher.traffic import UPDATE_EVERY, UPDATE_JITTER, Conversation, Observation
from tests.local.network_watcher.flow_log_reader import read, tuples

MINUTE = int(datetime(2026, 11, 20, 9, tzinfo=UTC).timestamp()) // 60
"""An hour's first."""

KINDS = range(5)
VNET, NSG, VNET_6, NSG_SWITCHING, NSG_OLD = KINDS
EVERYTHING_ODD = Oddities(forms=True, hostile=True)

seeds = st.integers(0, 10**6).map(str)
recorders = st.builds(
    lambda kind, seed, minute, rate, oddities: Recorder(
        [*fleet(5, seed), *internet_facing(seed)][kind], MINUTE + minute, rate, seed, oddities
    ),
    kind=st.integers(0, 6),
    seed=seeds,
    minute=st.integers(0, 55),
    rate=st.integers(1, 900),
    oddities=st.builds(Oddities, st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)


def recorder(kind: int, per_minute: int, minute: int = MINUTE, seed: str = "1", oddities: Oddities = PLAIN) -> Recorder:
    return Recorder(fleet(5, seed)[kind], minute, per_minute, seed, oddities)


class Storage:
    """Put Block and Put Block List, in memory: what is committed is the blocks in the list's order, nothing else."""

    def __init__(self) -> None:
        self._blocks: dict[str, bytes] = {}

    def commit(self, append: Append) -> bytes:
        self._blocks |= {block.id: block.data for block in append.blocks}
        return b"".join(self._blocks[block_id] for block_id in append.block_ids)


def grow(source: Recorder, minutes: int) -> Iterator[tuple[bytes, Append, Sequence[Record]]]:
    """Write some minutes into one blob; yield each committed state, the step to it and the step's records."""
    storage, blob = Storage(), BlockBlob()
    for _ in range(minutes):
        records = source.minute()
        append = blob.append([record.text for record in records])
        yield storage.commit(append), append, records


def observations(source: Recorder, minutes: int) -> list[Observation]:
    return [seen for _ in range(minutes) for record in source.minute() for seen in record.tuples]


@given(recorders)
def test_every_committed_state_is_one_json_document_of_all_records(source: Recorder) -> None:
    texts: list[bytes] = []
    for document, append, records in grow(source, 4):
        texts += [record.text for record in records]
        assert json.loads(document) == {"records": [json.loads(text) for text in texts]}
        assert document == b'{"records":[' + b",".join(texts) + b"]}"
        assert [block.id for block in append.blocks if block.id[0] == "D"] == [append.block_ids[-2]]


@given(recorders)
def test_an_append_changes_only_bytes_from_the_old_length_less_two_on(source: Recorder) -> None:
    states = [(document, append) for document, append, _ in grow(source, 4)]
    for (before, _), (after, append) in pairwise(states):
        assert append.start == len(before) - 2
        assert after.startswith(before[:-2] + b",{")
        assert after[append.start :] == append.tail
        assert len(append.blocks) == 1


@given(recorders)
def test_the_truth_is_what_an_independent_reader_finds(source: Recorder) -> None:
    blob = "account/container/ein Blöb"
    flows, quarantined = [], []
    for document, append, records in grow(source, 3):
        truth = expect(blob, records, append.offsets)
        flows += truth.flows
        quarantined += truth.quarantined
        assert len(truth.flows) == sum(record.flows for record in records)
        found = read(document, blob)
        assert found.flows == flows
        assert [list(one) for one in found.flows] == [list(one) for one in flows]
        assert found.quarantined == quarantined


@pytest.mark.parametrize("kind", KINDS)
def test_a_busy_minute_is_cut_into_full_records_of_one_time(kind: int) -> None:
    source = recorder(kind, 9_000)
    for _ in range(2):
        records = source.minute()
        assert len(records) > 10
        assert len({json.loads(record.text)["time"] for record in records}) == 1
        assert all(RECORD_BYTES - 400 < len(record.text) <= RECORD_BYTES for record in records[:-1])
        assert len(records[-1].text) <= RECORD_BYTES


@given(recorders)
def test_tuples_are_3_to_64_seconds_older_than_their_record(source: Recorder) -> None:
    for _, _, records in grow(source, 3):
        for record in records:
            time = datetime.fromisoformat(record.style.time).timestamp()
            for flow in expect("blob", [record], [0]).flows:
                age = time - datetime.fromisoformat(str(flow["time"])).timestamp()
                assert 3 <= age <= 64


def test_each_rule_has_its_tuples_in_the_order_of_time() -> None:
    for kind in KINDS:
        (record,) = recorder(kind, 200).minute()
        by_rule = defaultdict(list)
        for seen in record.tuples:
            by_rule[seen.conversation.service.rule].append(seen.millis)
        assert all(times == sorted(times) for times in by_rule.values())


@given(st.sampled_from(KINDS), seeds)
def test_the_counters_of_a_finished_conversation_add_up_to_its_volume(kind: int, seed: str) -> None:
    seen = observations(recorder(kind, 60, seed=seed), 30)
    talks = defaultdict(list)
    for one in seen:
        talks[one.conversation.number].append(one)
    finished = [talk for talk in talks.values() if talk[0].state == "B" and talk[-1].state == "E"]
    assert finished
    for talk in finished:
        assert [one.state for one in talk] == ["B", *["C"] * (len(talk) - 2), "E"]
        deltas = [one.counters for one in talk if one.counters]
        assert tuple(map(sum, zip(*deltas, strict=True))) == talk[0].conversation.total
        assert min(min(delta) for delta in deltas) >= 0
        for first, second in pairwise(talk[:-1]):
            assert abs(second.millis - first.millis - UPDATE_EVERY) <= UPDATE_JITTER / 2


def test_a_long_conversation_continues_every_five_minutes() -> None:
    longest: Counter[Conversation] = Counter()
    for seen in observations(recorder(VNET, 100), 40):
        longest[seen.conversation] += seen.state == "C"
    assert longest.most_common(1)[0][1] >= 3


def test_a_minute_has_as_many_tuples_as_asked_for() -> None:
    source = recorder(NSG, 500)
    for _ in range(12):
        assert 500 <= sum(len(record.tuples) for record in source.minute()) <= 501


def test_a_hundred_thousand_tuples_a_minute_are_possible() -> None:
    records = recorder(VNET_6, 100_000).minute()
    assert sum(len(record.tuples) for record in records) in {100_000, 100_001}
    assert len(records) > 200


def test_every_encryption_state_and_kind_of_acl_and_protocol_occurs_in_vnet_logs() -> None:
    interface = fleet(5, "1")[VNET_6]
    flows = [
        f for _, append, records in grow(recorder(VNET_6, 3_000), 2) for f in expect("b", records, append.offsets).flows
    ]
    assert {flow["encryption"] for flow in flows} == {
        "X",
        "NX",
        "NX_HW_NOT_SUPPORTED",
        "NX_SW_NOT_READY",
        "NX_NOT_ACCEPTED",
        "NX_NOT_SUPPORTED",
        "NX_LOCAL_DST",
        "NX_FALLBACK",
    }
    assert {flow["protocol"] for flow in flows} == {1, 2, 6, 17, 50, 58}
    assert {flow["flowState"] for flow in flows} == {"begin", "end", "deny"}
    assert {str(flow["srcIp"]).count(":") > 0 for flow in flows} == {True, False}
    rules = {(str(flow["aclId"]), str(flow["rule"]), flow["decision"]) for flow in flows}
    assert ("00000000-0000-0000-0000-000000000000", "PlatformRule", "allow") in rules
    assert ("unspecified", "unspecified", "deny") in rules
    assert {acl for acl, _, _ in rules if acl.startswith("/")} == {
        f"{interface.log.target_id.split('/virtualNetworks')[0]}/networkSecurityGroups/nsg-shop-2"
    }
    assert any(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", acl) for acl, _, _ in rules)
    assert {rule.split("_")[0] for _, rule, _ in rules} >= {"DefaultRule", "UserRule"}


def test_encryption_that_is_not_accepted_denies_with_nobody_to_name() -> None:
    for seen in observations(recorder(VNET, 2_000), 1):
        dropped = seen.conversation.encryption in {"NX_NOT_ACCEPTED", "NX_SW_NOT_READY", "NX_NOT_SUPPORTED"}
        assert dropped == (seen.conversation.service.rule.name == "unspecified")
        assert not dropped or seen.state == "D"


def test_nsg_logs_know_only_tcp_and_udp_and_have_empty_counters_for_what_begins_or_is_denied() -> None:
    (record,) = recorder(NSG, 300).minute()
    fields = [text.split(",") for _, _, text in tuples(json.loads(record.text))]
    assert {field[5] for field in fields} == {"T", "U"}
    assert {(field[7], field[8], any(field[9:])) for field in fields} == {
        ("A", "B", False),
        ("A", "E", True),
        ("D", "B", False),
    }
    assert {len(field[0]) for field in fields} == {10}


def test_vnet_logs_write_zeros_for_what_begins_or_is_denied() -> None:
    (record,) = recorder(VNET, 200).minute()
    fields = [text.split(",") for _, _, text in tuples(json.loads(record.text))]
    assert {tuple(field[9:]) for field in fields if field[7] in "BD"} == {("0", "0", "0", "0")}
    assert {len(field[0]) for field in fields} == {13}


def test_now_and_then_a_tuple_repeats_to_the_letter_within_its_group() -> None:
    for kind in KINDS:
        texts = [text for record in recorder(kind, 5_000).minute() for _, _, text in tuples(json.loads(record.text))]
        assert len(set(texts)) < len(texts)


def test_one_blob_switches_from_version_2_to_version_1_at_half_past() -> None:
    *_, (document, _, _) = grow(recorder(NSG_SWITCHING, 40, MINUTE + 28), 4)
    assert [record["properties"]["Version"] for record in json.loads(document)["records"]] == [2, 2, 1, 1]


def test_key_order_is_that_of_the_real_writer() -> None:
    vnet, nsg = (json.loads(recorder(kind, 20).minute()[0].text) for kind in (VNET, NSG))
    assert list(vnet) == sorted(vnet, key=str.lower)
    assert next(iter(vnet)) == "category"
    assert list(nsg) == ["time", "systemId", "macAddress", "category", "resourceId", "operationName", "properties"]


def test_paths_have_the_documented_shapes() -> None:
    hour = "/y=2026/m=11/d=20/h=10/m=00/macAddress=[0-9A-F]{12}/PT1H.json"
    guid = "[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}"
    group = "RESOURCEGROUPS/RG-(SHOP|MÜNCHEN)/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/NSG-SHOP-[0-9]+"
    nsg = f"resourceId=/SUBSCRIPTIONS/{guid}/{group}{hour}"
    watcher = "RESOURCEGROUPS/NETWORKWATCHERRG/PROVIDERS/MICROSOFT.NETWORK/NETWORKWATCHERS/NETWORKWATCHER_WESTEUROPE"
    vnet = [
        f"flowLogResourceID=/{guid}_NETWORKWATCHERRG/NETWORKWATCHER_WESTEUROPE_[^/]+-FLOWLOG{hour}",
        f"flowLogResourceID=/{guid}_NETWORKWATCHERRG/NETWORKWATCHER_WESTEUROPE_[^/]+-FLOWLOGS{hour}",
        f"flowLogResourceID=/SUBSCRIPTIONS/{guid}/{watcher}/FLOWLOGS/[^/]+{hour}",
    ]
    seen = set()
    for interface in fleet(20, "3"):
        name = interface.blob_name((MINUTE + 60) * 60)
        if interface.log.container == "insights-logs-networksecuritygroupflowevent":
            assert re.fullmatch(nsg, name)
        else:
            assert interface.log.container == "insights-logs-flowlogflowevent"
            seen |= {shape for shape in vnet if re.fullmatch(shape, name)}
    assert seen == set(vnet)


def test_interfaces_differ_and_a_greater_fleet_begins_with_the_smaller() -> None:
    assert len({interface.mac for interface in fleet(300, "1")}) == 300
    assert len({interface.addresses[0].own for interface in fleet(300, "1")}) == 300
    assert fleet(12, "1")[:5] == fleet(5, "1")
    assert fleet(5, "1") != fleet(5, "2")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    def document(seed: str) -> bytes:
        *_, (state, _, _) = grow(recorder(VNET, 150, seed=seed, oddities=EVERYTHING_ODD), 8)
        return state

    assert document("1") == document("1")
    assert document("1") != document("2")


def test_odd_forms_occur_only_on_request() -> None:
    def forms(oddities: Oddities) -> set[object]:
        found: set[object] = set()
        for kind in (VNET, NSG, NSG_OLD):
            for record in (one for _, _, records in grow(recorder(kind, 20, oddities=oddities), 30) for one in records):
                decoded = json.loads(record.text)
                found.add(decoded.get("properties", decoded).get("Version", "vnet"))
                if kind == VNET:
                    fields = [text.split(",") for _, _, text in tuples(decoded)]
                    found |= {len(field[0]) for field in fields} | {
                        (field[7], field[9]) for field in fields if field[7] in "BD"
                    }
        return found

    usual = {"vnet", 1, 2, 13, ("B", "0"), ("D", "0")}
    assert forms(Oddities()) == usual
    assert forms(Oddities(forms=True)) == usual | {"1.0", "2.0", 10, ("B", "")}


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_tuples_and_records_must_be_quarantined_and_nothing_else(kind: int) -> None:
    complete = parts = 0
    *_, (document, _, _) = states = list(grow(recorder(kind, 20, MINUTE + 10, oddities=Oddities(hostile=True)), 40))
    truths = [expect("blob", records, append.offsets) for _, append, records in states]
    found = read(document, "blob")
    assert found.quarantined == [one for truth in truths for one in truth.quarantined]
    assert found.flows == [one for truth in truths for one in truth.flows]
    for one in found.quarantined:
        assert document[one.offset : one.offset + 1] == b"{"
        complete += not one.ordinals
        parts += bool(one.ordinals)
    assert complete >= 1
    assert parts >= 3


def test_nothing_is_hostile_unless_asked_for() -> None:
    for kind in KINDS:
        for document, append, records in grow(recorder(kind, 100, oddities=Oddities(forms=True)), 10):
            assert not expect("blob", records, append.offsets).quarantined
            assert len(document) == append.start + len(append.tail)
