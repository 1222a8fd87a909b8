"""What must hold at the end of a history, judged from what the hub and the quarantine received.

It shares no code with the app: it reads the documents that the writer wrote with the standard library alone, after the
contract's words.
"""

import hashlib
import json
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.endurance.simulation.oracle_quarantine import judge_quarantine
from tests.endurance.simulation.truth import Truth

STATES = {"B": "begin", "C": "continue", "E": "end", "D": "deny"}
PLACES = {
    "flow/1": ("id", "srcIp", "destIp", "srcPort", "flowState"),
    "ocsf/1.8.0": ("metadata.uid", "src_endpoint.ip", "dst_endpoint.ip", "src_endpoint.port", "unmapped.flowState"),
    "ecs/9.4.0": ("event.id", "source.ip", "destination.ip", "source.port", "azure.flow_log.state"),
    "asim/0.2.7": ("EventOriginalUid", "SrcIpAddr", "DstIpAddr", "SrcPortNumber", "EventOriginalSubType"),
}
"""Where a flow of each schema has its id, its ends and its state."""


def truth_of(path: str, records: list[bytes]) -> Truth:
    """Read the records of a document that begins with the usual 12 bytes and has a comma between two of them."""
    truth = Truth()
    key = hashlib.blake2b(path.encode(), digest_size=8).hexdigest()
    truth.document = b'{"records":[' + b",".join(records)
    offset = len('{"records":[')
    for record in records:
        value = json.loads(record)
        crc = f"{zlib.crc32(record):08x}"
        if value.get("flowLogVersion") != 4:  # the only one that is written soundly
            truth.bad[offset] = offset + len(record)
            truth.tuples[offset + len(record)] = 1
        else:
            tuples = value["flowRecords"]["flows"][0]["flowGroups"][0]["flowTuples"]
            truth.tuples[offset + len(record)] = len(tuples)
            for ordinal, text in enumerate(tuples):
                columns = text.split(",")
                flow = (columns[1], columns[2], int(columns[3]), STATES[columns[7]])
                truth.flows[f"{key}-{offset}-{crc}-{ordinal}"] = flow
        offset += len(record) + 1
    return truth


@dataclass(slots=True)
class Received:
    """What the hub received of one generation of a blob.

    Attributes:
        ids: Id to how often it came.
        ranges: Start, end, part and parts of each event, in order.
        sums: Start, end and parts of each range to what each of its parts says: flows, tuples, and quarantined.
    """

    ids: Counter[str] = field(default_factory=Counter)
    ranges: list[tuple[int, int, int, int]] = field(default_factory=list)
    sums: dict[tuple[int, int, int], dict[int, tuple[int, int, int]]] = field(default_factory=dict)


def strangers(
    *, events: list[tuple[bytes, dict[str, Any]]], known: dict[str, list[Truth]], offsets: dict[str, set[int]]
) -> list[str]:
    """Say what was sent or committed of blobs that nobody wrote for the app; the arguments are those of `judge`."""
    sent = {str(properties["blob"]) for _, properties in events}
    return [f"{path}: something was sent or kept of it" for path in sorted(sent.union(offsets).difference(known))]


def judge(
    *,
    events: list[tuple[bytes, dict[str, Any]]],
    quarantined: dict[str, bytes],
    most_items: int,
    known: dict[str, list[Truth]],
    present: dict[str, Truth],
    may_repeat: set[str],
    may_exceed: set[str],
    committed: dict[str, set[tuple[int, int]]],
    offsets: dict[str, set[int]],
) -> list[str]:
    """Give what is wrong, in words.

    Args:
        events: Body and application properties of each event, in order of arrival.
        quarantined: Documents in quarantine, by their names.
        most_items: A blob has so many items in a generation, beside the one for all others.
        known: Path of each blob to the truth of everything that it ever held.
        present: Path of each blob that exists to the truth of what it holds now.
        may_repeat: Blobs of which a crash, a stall, or a lost acknowledgement may have made flows come again.
        may_exceed: Blobs of which an item was put, and nobody answered so.
        committed: Path to generation and end of the last range of each commit.
        offsets: Path to the offset of each commit.
    """
    wrong: list[str] = []
    received: dict[tuple[str, int], Received] = defaultdict(Received)
    for body, properties in events:
        path = properties["blob"]
        wrong += _take(body, properties, received[path, properties["generation"]], known[path])
    for (path, generation), got in received.items():
        again = sorted(flow for flow, count in got.ids.items() if count > 1)
        if again and path not in may_repeat:
            wrong.append(f"{path} generation {generation}: {len(again)} flows came again, such as {again[0]}")
        wrong += _untiled(path, generation, got, committed.get(path, set()), strict=path not in may_repeat)
        wrong += _unbalanced(path, generation, got, known[path])
    for path, positions in offsets.items():
        between = positions - {end for truth in known[path] for end in truth.tuples}
        if between:
            wrong.append(f"{path}: {min(between)} was committed, which is the end of no record")
    for path, truth in present.items():
        sent = {flow for (other, _), got in received.items() if other == path for flow in got.ids}
        lost = sorted(set(truth.flows) - sent)
        if lost:
            wrong.append(f"{path}: {len(lost)} flows are lost, such as {lost[0]}")
    generations = {path: 1 + max((number for number, _ in ends), default=0) for path, ends in committed.items()}
    most = {path: most_items * generations.get(path, 1) for path in known.keys() - may_repeat - may_exceed}
    return wrong + judge_quarantine(quarantined, most, known=known, present=present)


def _take(body: bytes, properties: dict[str, Any], got: Received, truths: list[Truth]) -> list[str]:
    wrong = []
    places = PLACES[properties["schema"]]
    flows = [tuple(_value_at(flow, place) for place in places) for flow in map(json.loads, body.splitlines())]
    ids = [each for each, *_ in flows]
    if (properties["flows"], properties["firstId"], properties["lastId"]) != (len(ids), ids[0], ids[-1]):
        wrong.append(f"an event of {properties['blob']} describes itself wrongly")
    for each, *told in flows:
        if not any(truth.flows.get(each) == tuple(told) for truth in truths):
            wrong.append(f"flow {each} was never written so")
    got.ids.update(ids)
    start, end, part, parts = (properties[key] for key in ("rangeStart", "rangeEnd", "part", "parts"))
    got.ranges.append((start, end, part, parts))
    counts = properties["flows"], properties["tuples"], properties["quarantined"]
    got.sums.setdefault((start, end, parts), {})[part] = counts
    return wrong


def _value_at(flow: Any, place: str) -> Any:
    for key in place.split("."):
        flow = flow[key]
    return flow


def _unbalanced(path: str, generation: int, got: Received, truths: list[Truth]) -> list[str]:
    """Say where the flows of all parts of a range and what is in quarantine are not what the range holds."""
    wrong = []
    for (start, end, parts), said in got.sums.items():
        if len(said) < parts:
            continue
        held = {sum(count for at, count in truth.tuples.items() if start < at <= end) for truth in truths}
        flows, (counts, *others) = sum(each[0] for each in said.values()), {each[1:] for each in said.values()}
        if others or flows + counts[1] != counts[0] or counts[0] not in held:
            wrong.append(f"{path} generation {generation}: [{start}, {end}) has {flows} flows, and says {counts}")
    return wrong


def _untiled(path: str, generation: int, got: Received, committed: set[tuple[int, int]], *, strict: bool) -> list[str]:
    """Say where ranges leave a gap, or begin elsewhere than where one ended or something was committed."""
    ends = {0, *(end for _, end, _, _ in got.ranges), *(end for number, end in committed if number == generation)}
    covered = 0
    at, parts_left = 0, 0
    for start, end, part, parts in got.ranges:
        if start not in ends or start > covered:
            return [f"{path} generation {generation}: a range begins at {start}, and {covered} was reached"]
        if strict and (start != at or part != (parts - parts_left if parts_left else 0)):
            return [f"{path} generation {generation}: part {part} of [{start}, {end}) does not follow"]
        parts_left = parts - part - 1
        if parts_left == 0:
            covered = max(covered, end)
            at = end
    return [] if not strict or parts_left == 0 else [f"{path} generation {generation}: a part is missing"]
