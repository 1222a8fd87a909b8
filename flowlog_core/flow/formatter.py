"""A decoded record in, its flows as lines of JSON out, by a formatter compiled from a schema's tree and a layout.

The constant values of a flow group (ids, rule, resource) are written once; see `flow.compiled_tree`.

Lines are ASCII: anything else is escaped, so that a line's length is its size in bytes.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from flowlog_core.decode.encoded_record import EncodedRecord, OutputLimits
from flowlog_core.decode.formats import FlowGroup, FlowRecord, Layout, WithheldGroup
from flowlog_core.decode.items import Record
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.flow.compiled_tree import compile_tree
from flowlog_core.flow.line_source import Formatter, Slot
from flowlog_core.flow.schemas.flow_1 import FLOW
from flowlog_core.flow.tree import Schema
from flowlog_core.source.blob import SourceBlob

_SECONDS_KEPT: Final = 100_000
_SLICE: Final = 1000  # tuples; split, one takes about 1 kB
_KEPT_LENGTH: Final = 256  # of texts whose JSON is kept from record to record
_ORDINALS: Final = tuple(map(str, range(_SLICE)))
_quote = json.JSONEncoder().encode
_quote_kept = lru_cache(maxsize=4096)(_quote)


class _Seconds(dict[str, str]):
    """Seconds since 1970 as text to ``2022-09-14T09:00:03.``; a table, as tuples share few seconds."""

    def __missing__(self, seconds: str) -> str:
        text = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        if len(self) >= _SECONDS_KEPT:
            self.clear()
        self[seconds] = text
        return text


class Encoder:
    """Writes the flows of records in one schema. Safe to share between threads."""

    def __init__(self, schema: Schema = FLOW, limits: OutputLimits = OutputLimits()) -> None:  # noqa: B008 # frozen
        """Take what flows look like, and the limits."""
        self._schema = schema
        self._limits = limits
        self._formatters: dict[Layout, Formatter] = {}
        self._seconds = _Seconds()

    def encode(
        self,
        blob: SourceBlob,
        record: Record,
        decoded: FlowRecord,
        *,
        max_flow_bytes: int | None = None,
        before_large: Callable[[], None] | None = None,
    ) -> EncodedRecord:
        """Flatten and encode a record; see `RecordEncoder`."""
        writer = _RecordWriter(self._formatter(decoded.layout), self._seconds, blob, record, decoded)
        if writer.most_bytes <= self._limits.large:
            encoded = writer.write()
            if max_flow_bytes is None or max(map(len, encoded.lines), default=0) <= max_flow_bytes:
                return encoded
        elif before_large is not None:
            before_large()
        return writer.write(_Budget(self._limits.most, max_flow_bytes))

    def _formatter(self, layout: Layout) -> Formatter:
        formatter = self._formatters.get(layout)
        if formatter is None:
            formatter = self._formatters[layout] = compile_tree(self._schema, layout)
        return formatter


class _RecordWriter:
    """Writes the flows of one record, a slice of a group at a time.

    Attributes:
        most_bytes: The flows take no more than so many bytes.

    """

    def __init__(
        self, formatter: Formatter, seconds: _Seconds, blob: SourceBlob, record: Record, decoded: FlowRecord
    ) -> None:
        self._formatter = formatter
        self._seconds = seconds
        self._layout = decoded.layout
        self._id_prefix = f"{blob.key}-{record.start}-{record.crc:08x}-"
        long_texts: dict[tuple[str, str], str] = {}  # what belongs to an upper level comes again with each lower one
        self._of_record = [_write(slot, slot.of(blob, decoded), long_texts) for slot in formatter.record_slots]
        self._constant_bytes = len(self._id_prefix) * formatter.id_slots + sum(map(len, self._of_record))
        self._groups: list[tuple[FlowGroup | WithheldGroup, list[str]]] = []
        self.most_bytes = len(record.raw) * formatter.most_copies  # all tuples are in it
        for group in decoded.groups:
            if isinstance(group, WithheldGroup):
                self._groups.append((group, []))
                continue
            of_group = [_write(slot, slot.of(group), long_texts) for slot in formatter.group_slots]
            self._groups.append((group, of_group))
            flow_bytes = formatter.most_bytes + self._constant_bytes + sum(map(len, of_group))
            self.most_bytes += flow_bytes * len(group.ordinals)

    def write(self, budget: "_Budget | None" = None) -> EncodedRecord:
        """Write what of the record fits its layout, and the budget, which is asked before anything is written."""
        lines: list[str] = []
        all_ordinals: list[int] = []
        bad: list[RejectedTuple] = []
        denied = 0
        rules: Counter[str] = Counter()
        for group, of_group in self._groups:
            if isinstance(group, WithheldGroup):
                bad += group.reject()
                continue
            for tuples, ordinals in _slices(group):
                checked = self._layout.check(tuples)
                denied += checked.denied
                rules[group.rule] += len(checked.sound)
                sound, own = checked.sound, _without(ordinals, checked.reasons)
                rejected = {ordinals[index]: reason for index, reason in checked.reasons.items()}
                if sound and budget is not None:
                    refused = budget.refuse(self._sizes(sound, own, of_group))
                    rejected |= {own[index]: reason for index, reason in refused.items()}
                    sound, own = _without(sound, refused), _without(own, refused)
                bad += [RejectedTuple(ordinal, rejected[ordinal]) for ordinal in sorted(rejected)]
                if sound:  # else the constants would be put together for nothing
                    lines += self._format(sound, own, self._id_prefix, (*self._of_record, *of_group))
                    all_ordinals += own
        return EncodedRecord(self._id_prefix, lines, all_ordinals, tuple(bad), denied, rules)

    def _sizes(self, tuples: Sequence[str], ordinals: Sequence[int], of_group: Sequence[str]) -> Iterable[int]:
        """Return how many bytes the flows take, without forming them."""
        always = [slot.always for slot in self._formatter.record_slots]
        always += [slot.always for slot in self._formatter.group_slots]
        texts = (*self._of_record, *of_group)
        in_all = [text for each, text in zip(always, texts, strict=True) if each]
        in_some = ["" if each else text for each, text in zip(always, texts, strict=True)]
        constant_bytes = len(self._id_prefix) * self._formatter.id_slots + sum(map(len, in_all))
        return (constant_bytes + len(line) for line in self._format(tuples, ordinals, "", in_some))

    def _format(
        self, tuples: Sequence[str], ordinals: Sequence[int], id_prefix: str, constants: Sequence[str]
    ) -> list[str]:
        return self._formatter.format_lines(tuples, _write_ordinals(ordinals), self._seconds, id_prefix, *constants)


class _Budget:
    """How many bytes of output a record has left."""

    def __init__(self, most_bytes: int, max_flow_bytes: int | None) -> None:
        self._left = most_bytes
        self._max_flow_bytes = max_flow_bytes

    def refuse(self, sizes: Iterable[int]) -> dict[int, str]:
        """Take flows of these sizes, up to the first one that there is no room for; return why others are refused."""
        refused = {}
        for index, size in enumerate(sizes):
            if self._max_flow_bytes is not None and size > self._max_flow_bytes:
                refused[index] = f"a flow of {size} bytes, where an event takes {self._max_flow_bytes}"
            elif size > self._left:
                refused[index] = "output too large"
                self._left = 0
            else:
                self._left -= size
        return refused


def _write[**P](slot: Slot[P], value: str | int | None, long_texts: dict[tuple[str, str], str]) -> str:
    """Write a constant value for its slot; `long_texts` are those of the record that were written before."""
    before, after = slot.before, slot.after
    if value is None:
        return "" if before else "null"
    if not isinstance(value, str):
        return f"{before}{value}{after}"
    if len(value) <= _KEPT_LENGTH:
        return before + _quote_kept(value) + after
    text = long_texts.get((before, value))
    if text is None:
        text = long_texts[before, value] = before + _quote(value) + after
    return text


def _write_ordinals(ordinals: Sequence[int]) -> Iterable[str]:
    if isinstance(ordinals, range) and ordinals.stop <= len(_ORDINALS):
        return _ORDINALS[ordinals.start : ordinals.stop]
    return map(str, ordinals)


def _slices(group: FlowGroup) -> Iterable[tuple[Sequence[object], Sequence[int]]]:
    """Return the tuples of a group with their ordinals, so many at a time that split ones take little memory."""
    if len(group.tuples) <= _SLICE:
        return ((group.tuples, group.ordinals),)
    return (
        (group.tuples[start : start + _SLICE], group.ordinals[start : start + _SLICE])
        for start in range(0, len(group.tuples), _SLICE)
    )


def _without[T](values: Sequence[T], indices: Collection[int]) -> Sequence[T]:
    return [value for index, value in enumerate(values) if index not in indices] if indices else values
