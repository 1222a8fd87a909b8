"""A decoded record in, its flows as lines of JSON out, by a formatter compiled from schema and layout.

The constant part of a flow group (ids, rule, resource) is written once and reused; what differs from tuple to tuple is
filled in by one f-string inside of one list comprehension, for which Python source is generated once for each choice
of fields and layout, as dataclasses generate their methods. The source holds names and numbers only, never data.

Lines are ASCII: anything else is escaped, so that a line's length is its size in bytes.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from flowlog_core.decode.encoded_record import EncodedRecord
from flowlog_core.decode.formats import FlowGroup, FlowRecord, Layout, WithheldGroup
from flowlog_core.decode.items import Record
from flowlog_core.decode.rejected import RejectedTuple
from flowlog_core.flow.schema import BY_NAME, DEFAULT_FIELDS
from flowlog_core.source.blob import SourceBlob

_SECONDS_KEPT: Final = 100_000
_quote = json.JSONEncoder().encode
_RESOURCE_ID: Final = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/([^/]+)((?:/[^/]+/[^/]+)+)/?", re.IGNORECASE
)
_RULE_TYPES: Final = (("DefaultRule_", "default"), ("UserRule_", "user"), ("PlatformRule", "platform"))


class _Seconds(dict[str, str]):
    """Seconds since 1970 as text to ``2022-09-14T09:00:03.``; a table, as tuples share few seconds."""

    def __missing__(self, seconds: str) -> str:
        text = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        if len(self) >= _SECONDS_KEPT:
            self.clear()
        self[seconds] = text
        return text


@dataclass(frozen=True, slots=True)
class _Formatter:
    """A compiled formatter for one layout.

    Attributes:
        record_texts: What gives the JSON text of each key used that is the same in a complete record.
        group_texts: The same for a flow group.
        format_rows: Writes lines, from ordinals with rows, the table of seconds, the ids' prefix, and those texts.

    """

    record_texts: tuple[Callable[[SourceBlob, FlowRecord], str], ...]
    group_texts: tuple[Callable[[FlowGroup], str], ...]
    format_rows: Callable[..., list[str]]


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
    constant = [key for level in (_RECORD_TEXTS, _GROUP_TEXTS) for key in level if key in fields]
    parts = ", ".join(f"part{index}" for index in range(len(layout.columns) + 1))
    lines = [
        f"def format_rows(rows, {', '.join(['second', 'id_prefix', *constant])}):",
        *(f"    piece{index} = f'{piece}'" for index, piece in enumerate(pieces)),
        f"    return [f'{body}' for ordinal, ({parts}) in rows]",
    ]
    namespace: dict[str, Callable[..., list[str]]] = {}
    exec("\n".join(lines), tables, namespace)  # noqa: S102 # generated above, from schema and layout alone
    return _Formatter(
        tuple(of for key, of in _RECORD_TEXTS.items() if key in fields),
        tuple(of for key, of in _GROUP_TEXTS.items() if key in fields),
        namespace["format_rows"],
    )


def _weave(fields: Sequence[str], expressions: dict[str, str]) -> tuple[list[str], str]:
    """Lay out a flow: its constant pieces, and the body of the f-string in which they stand.

    A piece is itself the body of an f-string of the JSON texts of the constant keys. The quotes around an expression
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
    return pieces, body


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
        texts = [of(blob, decoded) for of in formatter.record_texts]
        lines: list[str] = []
        ordinals: list[int] = []
        bad: list[RejectedTuple] = []
        denied = 0
        rules: Counter[str] = Counter()
        for group in decoded.groups:
            if isinstance(group, WithheldGroup):
                bad += group.reject()
                continue
            rows, reasons = decoded.layout.split(group.tuples)
            denied += decoded.layout.count_denied(rows)
            rules[group.rule] += len(rows)
            own = group.ordinals
            if reasons:
                bad += [RejectedTuple(own[index], reason) for index, reason in reasons.items()]
                own = [ordinal for index, ordinal in enumerate(own) if index not in reasons]
            of_group = [of(group) for of in formatter.group_texts]
            numbered = zip(own, rows, strict=True)
            lines += formatter.format_rows(numbered, self._seconds, id_prefix, *texts, *of_group)
            ordinals += own
        if max_flow_bytes is not None and lines and max(map(len, lines)) > max_flow_bytes:
            lines, ordinals, long = _drop_long(lines, ordinals, max_flow_bytes)
            bad = sorted(bad + long, key=lambda each: -1 if each.ordinal is None else each.ordinal)
        return EncodedRecord(id_prefix, lines, ordinals, tuple(bad), denied, rules)

    def _formatter(self, layout: Layout) -> _Formatter:
        formatter = self._formatters.get(layout)
        if formatter is None:
            formatter = self._formatters[layout] = _compile(self._fields, layout)
        return formatter


def _drop_long(lines: list[str], ordinals: list[int], limit: int) -> tuple[list[str], list[int], list[RejectedTuple]]:
    kept = [(line, ordinal) for line, ordinal in zip(lines, ordinals, strict=True) if len(line) <= limit]
    bad = [
        RejectedTuple(ordinal, f"a flow of {len(line)} bytes, where an event takes {limit}")
        for line, ordinal in zip(lines, ordinals, strict=True)
        if len(line) > limit
    ]
    return [line for line, _ in kept], [ordinal for _, ordinal in kept], bad


def _text(value: str | None) -> str:
    return "null" if value is None else _quote(value)


def _rule_type(group: FlowGroup) -> str | None:
    return next((kind for prefix, kind in _RULE_TYPES if group.rule.startswith(prefix)), None)


@lru_cache(maxsize=1024)  # few resources have many records
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


_RECORD_TEXTS: Final[Mapping[str, Callable[[SourceBlob, FlowRecord], str]]] = {
    "recordTime": lambda _, record: _text(record.time),
    "flowLogType": lambda _, record: _text(record.layout.type),
    "flowLogVersion": lambda _, record: str(record.layout.version),
    "flowLogResourceId": lambda _, record: _text(record.flow_log_resource_id),
    "targetResourceId": lambda _, record: _text(record.target_resource_id),
    "category": lambda _, record: _text(record.category),
    "operationName": lambda _, record: _text(record.operation_name),
    "flowLogGuid": lambda _, record: _text(record.flow_log_guid),
    "subscriptionId": lambda _, record: _text(_resource_parts(record.target_resource_id)[0]),
    "resourceGroup": lambda _, record: _text(_resource_parts(record.target_resource_id)[1]),
    "resourceType": lambda _, record: _text(_resource_parts(record.target_resource_id)[2]),
    "resourceName": lambda _, record: _text(_resource_parts(record.target_resource_id)[3]),
    "blob": lambda blob, _: _text(blob.path),
}
_GROUP_TEXTS: Final[Mapping[str, Callable[[FlowGroup], str]]] = {
    "macAddress": lambda group: _text(group.mac_address),
    "aclId": lambda group: _text(group.acl_id),
    "rule": lambda group: _text(group.rule),
    "ruleType": lambda group: _text(_rule_type(group)),
}
