"""A decoded record in, its flows as lines of JSON out, by a formatter compiled from schema and layout.

The constant part of a flow group (ids, rule, resource) is written once and reused; what differs from tuple to tuple is
filled in by one f-string inside of one list comprehension, for which Python source is generated once for each choice
of fields and layout, as dataclasses generate their methods. The source holds names and numbers only, never data.

Lines are ASCII: anything else is escaped, so that a line's length is its size in bytes.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from flowlog_core.blob import SourceBlob
from flowlog_core.flow import BY_NAME, DEFAULT_FIELDS
from flowlog_core.formats import FlowGroup, FlowRecord, Layout, Row
from flowlog_core.scanner import Record

_SECONDS_KEPT: Final = 100_000
_quote = json.JSONEncoder().encode
_RESOURCE_ID: Final = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/([^/]+)((?:/[^/]+/[^/]+)+)/?", re.IGNORECASE
)
_RULE_TYPES: Final = (("DefaultRule_", "default"), ("UserRule_", "user"), ("PlatformRule", "platform"))


@dataclass(frozen=True, slots=True)
class BadTuple:
    """A tuple that gives no flow.

    Attributes:
        ordinal: Its position in its record, from 0.
        reason: Why, without any of its content.

    """

    ordinal: int
    reason: str


@dataclass(frozen=True, slots=True)
class EncodedRecord:
    """The flows of one record.

    Attributes:
        id_prefix: What the ids of its flows have in common; an ordinal makes it an id.
        lines: A JSON object for each flow, in ASCII, without a line's end.
        ordinals: For each line the tuple's position in the record.
        bad: The tuples that gave no flow.
        denied: How many of the record's sound tuples are of denied flows.
        rules: Name of each rule to how many of them it decided.

    """

    id_prefix: str
    lines: list[str]
    ordinals: Sequence[int]
    bad: tuple[BadTuple, ...]
    denied: int = 0
    rules: Mapping[str, int] = field(default_factory=dict)


class _Seconds(dict[str, str]):
    """Seconds since 1970 as text to ``2022-09-14T09:00:03.``; a table, as tuples share few seconds."""

    def __missing__(self, seconds: str) -> str:
        text = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        if len(self) >= _SECONDS_KEPT:
            self.clear()
        self[seconds] = text
        return text


_FormatRows = Callable[[Iterable[tuple[int, Row]], list[str], _Seconds], list[str]]


@dataclass(frozen=True, slots=True)
class _Formatter:
    """A compiled formatter for one layout: templates of the constant pieces, and the function that joins all."""

    pieces: tuple[str, ...]
    format_rows: _FormatRows


def _compile(fields: Sequence[str], layout: Layout) -> _Formatter:
    """Generate the formatter for a choice of fields and a layout."""
    tables: dict[str, object] = {}
    expressions = {"time": '"{second[part0]}{part1 or "000"}Z"', "id": "{ordinal}"}
    for index, column in enumerate(layout.columns):
        part = f"part{index + 1}"  # a time stamp, the first column, has two parts
        for key, form in column.gives.items():
            if form == "text":
                expressions[key] = f'"{{{part}}}"'
            elif form == "number":
                expressions[key] = f"{{{part}}}"
            elif form == "number or null":
                expressions[key] = f'{{{part} or "null"}}'
            else:
                table = f"table{len(tables)}"
                tables[table] = form
                expressions[key] = f"{{{table}[{part}]}}"
    pieces, body = _weave(fields, expressions)
    parts = ", ".join(f"part{index}" for index in range(len(layout.columns) + 1))
    source = (
        "def format_rows(rows, pieces, second):\n"
        f"    [{', '.join(f'piece{index}' for index in range(len(pieces)))}] = pieces\n"
        f"    return [f'{body}' for ordinal, ({parts}) in rows]\n"
    )
    namespace: dict[str, _FormatRows] = {}
    exec(source, tables, namespace)  # noqa: S102 # generated above, from schema and layout alone
    return _Formatter(pieces, namespace["format_rows"])


def _weave(fields: Sequence[str], expressions: dict[str, str]) -> tuple[tuple[str, ...], str]:
    """Lay out a flow: templates of its constant pieces, and the body of the f-string in which they stand.

    A template is for ``str.format_map`` with the JSON texts of the constant keys. The quotes around an expression
    are part of the pieces.
    """
    pieces: list[str] = []
    body = ""
    piece = "{{"
    for number, key in enumerate(fields):
        piece += ("," if number else "") + f'"{key}":'
        expression = expressions.get(key)
        if BY_NAME[key].level != "tuple":
            piece += f"{{{key}}}"
        elif expression is None:  # the layout has no such column
            piece += "null"
        else:
            before = '"{id_prefix}' if key == "id" else '"' * expression.startswith('"')
            after = '"' * bool(before)
            body += f"{{piece{len(pieces)}}}{expression.strip('"')}"
            pieces.append(piece + before)
            piece = after
    body += f"{{piece{len(pieces)}}}"
    pieces.append(piece + "}}")
    return tuple(pieces), body


class Encoder:
    """Writes the flows of records, for one choice of fields. Safe to share between threads."""

    def __init__(self, fields: Sequence[str] = DEFAULT_FIELDS) -> None:
        """Take the keys that flows have, in order; `flow.select_fields` reads such a choice."""
        self._fields = tuple(fields)
        self._formatters: dict[Layout, _Formatter] = {}
        self._seconds = _Seconds()

    def encode(
        self, blob: SourceBlob, record: Record, decoded: FlowRecord, *, max_flow_bytes: int | None = None
    ) -> EncodedRecord:
        """Flatten and encode a record: a flow for each tuple that fits its layout and the limit."""
        formatter = self._formatter(decoded.layout)
        id_prefix = f"{blob.key}-{record.start}-{record.crc:08x}-"
        texts = _record_texts(blob, decoded) | {"id_prefix": id_prefix}
        lines: list[str] = []
        ordinals: list[int] = []
        bad: list[BadTuple] = []
        denied = 0
        rules: Counter[str] = Counter()
        first = 0
        for group in decoded.groups:
            rows, reasons = decoded.layout.split(group.tuples)
            denied += decoded.layout.count_denied(rows)
            rules[group.rule] += len(rows)
            size = len(group.tuples)
            own: Sequence[int] = range(first, first + size)
            if reasons:
                bad += [BadTuple(first + index, reason) for index, reason in reasons.items()]
                own = [ordinal for ordinal in own if ordinal - first not in reasons]
            pieces = [piece.format_map(texts | _group_texts(group)) for piece in formatter.pieces]
            lines += formatter.format_rows(zip(own, rows, strict=True), pieces, self._seconds)
            ordinals += own
            first += size
        if max_flow_bytes is not None and lines and max(map(len, lines)) > max_flow_bytes:
            lines, ordinals, long = _drop_long(lines, ordinals, max_flow_bytes)
            bad = sorted(bad + long, key=lambda each: each.ordinal)
        return EncodedRecord(id_prefix, lines, ordinals, tuple(bad), denied, rules)

    def _formatter(self, layout: Layout) -> _Formatter:
        formatter = self._formatters.get(layout)
        if formatter is None:
            formatter = self._formatters[layout] = _compile(self._fields, layout)
        return formatter


def _drop_long(lines: list[str], ordinals: list[int], limit: int) -> tuple[list[str], list[int], list[BadTuple]]:
    kept = [(line, ordinal) for line, ordinal in zip(lines, ordinals, strict=True) if len(line) <= limit]
    bad = [
        BadTuple(ordinal, f"a flow of {len(line)} bytes, where an event takes {limit}")
        for line, ordinal in zip(lines, ordinals, strict=True)
        if len(line) > limit
    ]
    return [line for line, _ in kept], [ordinal for _, ordinal in kept], bad


def _text(value: str | None) -> str:
    return "null" if value is None else _quote(value)


def _record_texts(blob: SourceBlob, record: FlowRecord) -> dict[str, str]:
    """Give the JSON text of each key that is the same in a whole record."""
    subscription, group, kind, name = _resource_parts(record.target_resource_id)
    return {
        "recordTime": _text(record.time),
        "flowLogType": _text(record.layout.type),
        "flowLogVersion": str(record.layout.version),
        "flowLogResourceId": _text(record.flow_log_resource_id),
        "targetResourceId": _text(record.target_resource_id),
        "category": _text(record.category),
        "operationName": _text(record.operation_name),
        "flowLogGuid": _text(record.flow_log_guid),
        "subscriptionId": _text(subscription),
        "resourceGroup": _text(group),
        "resourceType": _text(kind),
        "resourceName": _text(name),
        "blob": _text(blob.path),
    }


def _group_texts(group: FlowGroup) -> dict[str, str]:
    rule_type = next((kind for prefix, kind in _RULE_TYPES if group.rule.startswith(prefix)), None)
    return {
        "macAddress": _text(group.mac_address),
        "aclId": _text(group.acl_id),
        "rule": _text(group.rule),
        "ruleType": _text(rule_type),
    }


def _resource_parts(resource_id: str) -> tuple[str | None, str | None, str | None, str | None]:
    """Split a resource id into subscription, resource group, type and name.

    Type and name of a child resource are joined by slashes, as Resource Manager writes them:
    ``Microsoft.Network/virtualNetworks/subnets`` and ``net/subnet``.
    """
    match = _RESOURCE_ID.fullmatch(resource_id)
    if match is None:
        return None, None, None, None
    subscription, group, provider, path = match.groups()
    names = path.split("/")[1:]
    return subscription, group, "/".join([provider, *names[::2]]), "/".join(names[1::2])
