"""Whole documents against what should come of them, flow by flow and reject by reject.

Beside each `name.json` lies `name.flows.ndjson`, and where something is rejected, `name.rejects.ndjson`. They were
made by hand and by `oracle`, from the contract, and never from what the product gave.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flowlog_core.decode.log_reader import DecodedItem, LogReader
from flowlog_core.flow.formatter import Encoder
from flowlog_core.source.blob import SourceBlob
from tests.support import oracle

NOW = datetime(2026, 11, 20, tzinfo=UTC)
FOLDER = Path(__file__).parents[2] / "golden"
NAMES = sorted(file.stem for file in FOLDER.glob("*.json"))
SOUND_NAMES = [name for name in NAMES if not (FOLDER / f"{name}.rejects.ndjson").exists()]


def blob(name: str) -> SourceBlob:
    return SourceBlob("golden", "logs", f"{name}.json")


def document(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


def lines(name: str, kind: str) -> list[str]:
    file = FOLDER / f"{name}.{kind}.ndjson"
    return file.read_text(encoding="ascii").splitlines() if file.exists() else []


def decoded(name: str, chunk: int) -> list[DecodedItem]:
    data, log = document(name), LogReader(blob(name), Encoder())
    items = list(log.read(data[start : start + chunk] for start in range(0, len(data), chunk)))
    assert not log.unfinished
    return items


def reject(item: DecodedItem) -> dict[str, Any]:
    assert item.rejected is not None
    rejected = item.rejected
    told: dict[str, Any] = {"offset": rejected.offset, "length": rejected.length, "reason": rejected.reason}
    if rejected.tuples:
        told["tuples"] = json.loads(rejected.document(NOW))["tuples"]
    if rejected.reason.startswith("not valid JSON: "):
        told["reason"] = "not valid JSON"  # what comes then is the parser's own
    return told


@pytest.mark.parametrize("chunk", [1 << 20, 1000, 1])
@pytest.mark.parametrize("name", NAMES)
def test_a_document_gives_the_expected_flows_and_rejects(name: str, chunk: int) -> None:
    items = decoded(name, chunk)
    assert [line for item in items if item.encoded for line in item.encoded.lines] == lines(name, "flows")
    assert [reject(item) for item in items if item.rejected] == [json.loads(line) for line in lines(name, "rejects")]


@pytest.mark.parametrize("name", SOUND_NAMES)
def test_the_expected_flows_of_a_sound_document_are_those_of_an_independent_reader(name: str) -> None:
    flows = [flow for offset, raw in records(document(name)) for flow in oracle.flows(raw, offset, blob(name).path)]
    expected = [json.loads(line, object_pairs_hook=tuple) for line in lines(name, "flows")]
    assert [
        tuple(pair for pair in (flow or {}).items() if pair[0] in oracle.DEFAULT_KEYS) for flow in flows
    ] == expected


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Cut a sound document into its records, each with its offset."""
    place = data.index(b"[") + 1
    for record in json.loads(data.decode("utf-8-sig"))["records"]:
        start = data.index(b"{", place)
        _, length = json.JSONDecoder().raw_decode(data[start:].decode())
        place = start + len(data[start:].decode()[:length].encode())
        assert json.loads(data[start:place]) == record
        yield start, data[start:place]


def test_there_is_a_document_for_each_format_and_oddity() -> None:
    assert set(NAMES) == {*SOUND_NAMES, "hostile", "faulty-levels"}
    assert set(SOUND_NAMES) == {"nsg-v1", "nsg-v2", "nsg-v2-to-v1", "vnet-v4", "pretty-with-bom"}
    assert all(lines(name, "flows") for name in NAMES)
