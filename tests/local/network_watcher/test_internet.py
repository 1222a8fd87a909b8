"""An interface that faces the internet sees others all the time, and what its records look like is not only ASCII."""

import json
from collections import Counter
from datetime import UTC, datetime
from ipaddress import IPv6Address

import pytest

from local.network_watcher.internet import internet_facing
from local.network_watcher.records import PLAIN, Oddities, Record, Recorder

MINUTE = int(datetime(2026, 11, 20, 9, tzinfo=UTC).timestamp()) // 60
VNET, NSG = range(2)


def records(kind: int, minutes: int = 10, oddities: Oddities = PLAIN, seed: str = "1") -> list[Record]:
    recorder = Recorder(internet_facing(seed)[kind], MINUTE, 2_000, seed, oddities)
    return [record for _ in range(minutes) for record in recorder.minute()]


@pytest.mark.parametrize("kind", [VNET, NSG])
def test_most_addresses_come_once_and_an_eighth_of_the_traffic_is_ipv6_in_several_spellings(kind: int) -> None:
    conversations = {
        seen.conversation.number: seen.conversation for record in records(kind) for seen in record.tuples
    }.values()
    inbound = Counter(each.src_ip for each in conversations if each.service.rule.direction == "I")
    six = {address for each in conversations for address in (each.src_ip, each.dest_ip) if ":" in address}

    assert list(inbound.values()).count(1) > 0.9 * inbound.total() > 5_000
    assert 0.1 < sum(":" in each.src_ip for each in conversations) / len(conversations) < 0.15
    assert all(IPv6Address(address).scope_id is None for address in six)
    for spelled in (str.isupper, lambda text: "." in text, lambda text: ":0000:" in text, lambda text: "::" in text):
        assert sum(map(spelled, six)) > 20


def test_nearly_half_of_the_conversations_are_scans_and_some_are_neither_tcp_nor_udp() -> None:
    conversations = {seen.conversation.number: seen.conversation for record in records(VNET) for seen in record.tuples}
    kinds = Counter(each.service.peers for each in conversations.values())

    assert 0.4 < kinds["scanners"] / kinds.total() < 0.5
    assert {1, 6, 17, 47, 50, 58, 132} == {each.protocol for each in conversations.values()}


@pytest.mark.parametrize("kind", [VNET, NSG])
def test_escapes_change_the_text_and_not_the_value(kind: int) -> None:
    written = records(kind, 30, Oddities(escapes=True))
    texts = [record.text for record in written]
    key = "targetResourceID" if kind == VNET else "resourceId"

    assert {json.loads(text)[key] for text in texts} == {internet_facing("1")[kind].log.target_id}
    for sign in (b"\\/", b"\\u"):
        assert 0 < sum(sign in text for text in texts) < len(texts) / 2
    assert any(not text.isascii() for text in texts)


def test_a_tuple_with_a_column_too_many_is_rare() -> None:
    written = records(VNET, 60, Oddities(rare=True))
    broken = [record for record in written if record.broken]

    assert 0 < len(broken) < len(written) / 30
    for record in broken:
        groups = [group for acl in json.loads(record.text)["flowRecords"]["flows"] for group in acl["flowGroups"]]
        columns = [text.count(",") + 1 for group in groups for text in group["flowTuples"]]
        assert [ordinal for ordinal, count in enumerate(columns) if count != 13] == list(record.broken)
        assert {columns[ordinal] for ordinal in record.broken} == {14}
