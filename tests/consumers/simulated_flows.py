"""Flows for the queries of readers: simulated ordinary traffic, and traffic planted into it. Always the same."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from flowlog_core.decode.log_reader import LogReader
from flowlog_core.flow.formatter import Encoder
from flowlog_core.source.blob import SourceBlob
from local.network_watcher.blob_stores import Folder
from local.network_watcher.fleet import fleet
from local.network_watcher.writer import NetworkWatcher
from tests.consumers.sent_events import WITH_COMMUNITY_ID, events_of, flows_in
from tests.support.flow_logs import document, vnet_record

Flow = dict[str, Any]

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""When queries are run: just after the last simulated minute."""

_MINUTES = 150
_PER_MINUTE = 40


@cache
def ordinary_flows() -> tuple[Flow, ...]:
    """Return what five interfaces of every kind of flow log do in the minutes before `NOW`, with Community IDs."""
    with tempfile.TemporaryDirectory() as folder:
        store = Folder(Path(folder))
        first_minute = int(NOW.timestamp()) // 60 - _MINUTES
        NetworkWatcher(store, fleet(5, "1"), first_minute=first_minute, per_minute=_PER_MINUTE, seed="1").run(
            minutes=_MINUTES
        )
        return tuple(
            flow
            for file in sorted(store.path.rglob("PT1H.json"))
            for flow in _flows_of(file, f"{store.account}/{file.relative_to(store.path)}")
        )


def _flows_of(file: Path, blob: str) -> Iterator[Flow]:
    for decoded in LogReader(SourceBlob.outside(blob), Encoder(WITH_COMMUNITY_ID)).read([file.read_bytes()]):
        if decoded.encoded is not None:
            yield from map(json.loads, decoded.encoded.lines)


def watched_network() -> str:
    """Return the resource id of a simulated virtual network."""
    return next(str(flow["targetResourceId"]) for flow in ordinary_flows() if flow["flowLogType"] == "vnet")


def tuple_of(
    source: str,
    dest: str,
    dest_port: int,
    *,
    ago: timedelta,
    state: str = "D",
    direction: str = "I",
    protocol: int = 6,
    source_port: int = 50_000,
    counters: str = "0,0,0,0",
) -> str:
    """Make a tuple of a VNet flow log, at a time before `NOW`; denied and inbound unless it is said otherwise."""
    millis = int((NOW - ago).timestamp() * 1000)
    return f"{millis},{source},{dest},{source_port},{dest_port},{protocol},{direction},{state},NX,{counters}"


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def log_of(tuples: Iterable[str], *, target: str = "", rule: str = "UserRule_planted") -> bytes:
    """Return a VNet flow log with one record that has these tuples."""
    record = json.loads(vnet_record(0, rule=rule))
    record["targetResourceID"] = target or watched_network()
    record["flowRecords"]["flows"][0]["flowGroups"][0]["flowTuples"] = list(tuples)
    return document([json.dumps(record).encode()])


def planted(tuples: Iterable[str], *, target: str = "", rule: str = "UserRule_planted") -> list[Flow]:
    """Return the flows that are sent of such a log, with Community IDs."""
    return flows_in(events_of(log_of(tuples, target=target, rule=rule), schema=WITH_COMMUNITY_ID))


def lines_of(flows: Sequence[Flow]) -> str:
    """Return flows as the body of an event in the format ndjson."""
    return "\n".join(json.dumps(flow, separators=(",", ":")) for flow in flows)
