"""What flow logs tell of the traffic: totals by source, by pair of addresses, by conversation, by minute, of denials.

Flows are decoded as the forwarder decodes them, and their counters added up: these are deltas, the packets and bytes
since the flow's tuple before (learn.microsoft.com, "NSG flow logs overview", flow state), so that a conversation's sum
is its true total in the time that the logs cover, wherever it began. What has no counters (version 1, and in version 2
where a flow begins or is denied) counts as a flow, and its bytes as unknown.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Self

import orjson

from flowlog_core.decode.log_reader import DecodedItem, LogReader
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas.flow_1 import BY_NAME, flow_schema
from flowlog_core.operations.report.tally import INBOUND, KEYS_HELD, OUTBOUND, Key, Order, Seen, Tally, Total
from flowlog_core.source.blob import SourceBlob

UNFINISHED: Final = "a log that ends inside a record, or in bytes that are none"
"""Reason of what is at a log's end and has none."""

_COUNTERS: Final = ("packetsSrcToDest", "bytesSrcToDest", "packetsDestToSrc", "bytesDestToSrc")
_ALWAYS: Final = ("time", "flowLogType", "flowLogVersion", "direction", "decision", *_COUNTERS)
_SPANS: Final[Mapping[str, Callable[[str], str]]] = {
    "minute": lambda time: f"{time[:16]}Z",
    "hour": lambda time: f"{time[:13]}:00Z",
    "day": lambda time: time[:10],
}
_DIRECTIONS: Final = {"inbound": INBOUND, "outbound": OUTBOUND}
_UNKNOWN: Final = [None] * len(_COUNTERS)
_NOTHING: Final = [0] * len(_COUNTERS)

BY_KEYS: Final = (*_SPANS, *(name for name in BY_NAME if name not in {"id", "time", "recordTime", *_COUNTERS}))
"""What totals can be had by: spans of a flow's time, and the keys of a flow that are no counters."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """What one table of totals is about.

    Attributes:
        keys: What its totals are by; of `BY_KEYS`.
        order: What stands first.
        denied: Whether only denied flows count.

    """

    keys: tuple[str, ...]
    order: Order
    denied: bool = False


GROUPINGS: Final[Mapping[str, Grouping]] = {
    "minutes": Grouping(("minute",), "key"),
    "sources": Grouping(("srcIp",), "bytes"),
    "pairs": Grouping(("srcIp", "destIp"), "bytes"),
    "denied": Grouping(("rule", "srcIp", "destPort"), "flows", denied=True),
    "conversations": Grouping(("srcIp", "srcPort", "destIp", "destPort", "protocol"), "bytes"),
}
"""The tables that are always made."""


@dataclass(frozen=True, slots=True)
class Table:
    """Totals by some keys, the first of them.

    Attributes:
        grouping: What it is about.
        rows: Values of the keys, and their total.
        size: How many rows there would be in all.

    """

    grouping: Grouping
    rows: tuple[tuple[Key, Total], ...]
    size: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The traffic that logs tell of.

    Attributes:
        total: Of all flows; None where there is none.
        versions: Type and version of the logs, to the number of flows.
        undecoded: Reason, to the number of records and tuples that could not be decoded.
        tables: Name to table.
        twice: Conversations that were logged on the way out and on the way in, so at both ends, and their bytes.

    """

    total: Total | None
    versions: Mapping[tuple[str, int], int]
    undecoded: Mapping[str, int]
    tables: Mapping[str, Table]
    twice: tuple[int, int]


class Traffic:
    """Adds up the flows of logs. To be closed, as its totals may be on the disk.

    Attributes:
        undecoded: Reason, to the number of records, tuples and logs that could not be decoded.

    """

    def __init__(self, by: tuple[str, ...] = (), *, held: int = KEYS_HELD) -> None:
        """Take what it is to add up.

        Args:
            by: Keys of one more table, which is named ``by``; of `BY_KEYS`.
            held: How many keys of each table are in memory at most.

        """
        self.undecoded: Counter[str] = Counter()
        self._groupings = {**GROUPINGS, "by": Grouping(by, "bytes")} if by else dict(GROUPINGS)
        keys = {key for grouping in self._groupings.values() for key in grouping.keys}
        self._spans = [(key, span) for key, span in _SPANS.items() if key in keys]
        self._encoder = Encoder(flow_schema(_ALWAYS + tuple(sorted(keys - set(_ALWAYS) - set(_SPANS)))))
        self._tallies = {name: Tally(held) for name in self._groupings}
        self._adders = [_adder(self._groupings[name], tally) for name, tally in self._tallies.items()]
        self._versions: Counter[tuple[str, int]] = Counter()
        self._total: Total | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all totals."""
        for tally in self._tallies.values():
            tally.close()

    @property
    def flows(self) -> int:
        """Flows added up so far."""
        return self._versions.total()

    def log(self, blob: SourceBlob) -> "LogReading":
        """Begin with a log."""
        return LogReading(self, lambda offset: LogReader(blob, self._encoder, offset=offset))

    def add(self, decoded: DecodedItem) -> None:
        """Add up the flows of one item of a log.

        Raises:
            TallyError: The disk is full, or can't be written.

        """
        if decoded.rejected is not None:
            self.undecoded.update(decoded.rejected.reasons)
        if decoded.encoded is None or not decoded.encoded.lines:
            return
        flows = orjson.loads(f"[{','.join(decoded.encoded.lines)}]")
        self._versions[flows[0]["flowLogType"], flows[0]["flowLogVersion"]] += len(flows)
        if self._total is None:
            self._total = Total(flows[0]["time"], flows[0]["time"])
        for flow in flows:
            for key, span in self._spans:
                flow[key] = span(flow["time"])
            seen = _seen(flow)
            self._total.add(seen)
            for add in self._adders:
                add(flow, seen)

    def summary(self, top: int) -> Summary:
        """Give the totals; of each table the first so many rows, but of all minutes.

        Raises:
            TallyError: The disk is full, or can't be written or read.

        """
        tables = {}
        for name, tally in self._tallies.items():
            grouping, size = self._groupings[name], len(tally)
            tables[name] = Table(grouping, tuple(tally.top(size if name == "minutes" else top, grouping.order)), size)
        twice = [total.bytes for _, total in self._tallies["conversations"].both_ways()]
        return Summary(self._total, self._versions, self.undecoded, tables, (len(twice), sum(twice)))


class LogReading:
    """One log on its way into a `Traffic`: bytes in, totals out.

    Attributes:
        offset: Bytes before it are done with: it is the end of the last item.

    """

    def __init__(self, traffic: Traffic, open_log: Callable[[int], LogReader]) -> None:
        self._traffic = traffic
        self._open_log = open_log
        self._log = open_log(0)

    @property
    def offset(self) -> int:
        """Offset after the last item that is added up."""
        return self._log.offset

    def feed(self, data: bytes) -> None:
        """Add up what is in the bytes that follow.

        Raises:
            NotAFlowLogError: It is none.
            TallyError: The disk is full, or can't be written.

        """
        self._log.feed(data)
        for decoded in self._log.items():
            self._traffic.add(decoded)

    def end(self) -> None:
        """Mark the end of the log; the same errors as `feed`."""
        self._log.end()
        self.feed(b"")
        if self._log.unfinished:
            self._traffic.undecoded[UNFINISHED] += 1

    def go_back(self) -> None:
        """Go back to `offset`: the bytes from there on come again, as the log has grown."""
        self._log = self._open_log(self._log.offset)


def _adder(grouping: Grouping, tally: Tally) -> Callable[[dict[str, Any], Seen], None]:
    values = itemgetter(*grouping.keys)
    key_of = values if len(grouping.keys) > 1 else lambda flow: (values(flow),)

    def add(flow: dict[str, Any], seen: Seen) -> None:
        if seen.denied or not grouping.denied:
            tally.add(key_of(flow), seen)

    return add


def _seen(flow: dict[str, Any]) -> Seen:
    counters = [flow[name] for name in _COUNTERS]
    known = counters != _UNKNOWN
    packets_out, bytes_out, packets_back, bytes_back = [counter or 0 for counter in counters] if known else _NOTHING
    return Seen(
        denied=flow["decision"] == "deny",
        counted=known,
        packets_out=packets_out,
        bytes_out=bytes_out,
        packets_back=packets_back,
        bytes_back=bytes_back,
        time=flow["time"],
        direction=_DIRECTIONS[flow["direction"]],
    )
