"""JSON as text that is safe wherever it is shown: ASCII, so that any control character is an escape, without secrets.

Secrets are looked for in the texts, before escapes stand in them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from flowlog_core.cli.output.plain_text import may_hold_secret, redacted


def json_document(value: object) -> str:
    """Write a document of several lines, which people read as well."""
    return json.dumps(_redacted(value), indent=2)


def json_line(value: object) -> str:
    """Write a value in one line."""
    return _compact(_redacted(value))


def flow_line(flow: Mapping[str, Any]) -> str:
    """Write a flow of an event in one line, as the formatter wrote it."""
    line = orjson.dumps(flow).decode()
    return line if line.isascii() and "\x7f" not in line else _compact(flow)


def flow_text(lines: Sequence[str]) -> str:
    """Join lines of `flow_line`, or of the formatter: each is ASCII, so only secrets are looked for."""
    text = "\n".join(lines)
    if may_hold_secret(text):
        text = "\n".join(json_line(json.loads(line)) for line in lines)
    return f"{text}\n" if lines else ""


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _redacted(value: object) -> object:
    """Redact the texts in a JSON value, those of keys too."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {redacted(str(key)): _redacted(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(each) for each in value]
    return value
