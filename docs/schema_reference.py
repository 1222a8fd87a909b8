"""The schemas beside ``flow/1`` for readers: of each a JSON Schema in schemas/, a table of its fields, and a sample.

All comes from a schema's tree and the layouts of tuples. What a value may be is `flow_reference`'s to say; here is how
the tree's forms and tables change it.
"""

# ruff: noqa: INP001  # beside the pages that it writes, and no package
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from docs.flow_reference import MEANINGS, Fragment, value_fragment
from docs.json_text import json_text
from flowlog_core.decode.formats import LAYOUTS, Layout
from flowlog_core.decode.log_reader import LogReader
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.tree import Distinct, Fixed, Form, Json, Object, Schema, Table, Value, Where, Word
from flowlog_core.source.blob import SourceBlob

_MOST_SHOWN: Final = 9  # rows of a table of words; of more the first three
_IP_VERSIONS: Final = (4, 6)
_SAMPLE: Final = Path(__file__).parents[1] / "tests" / "golden" / "vnet-v4.json"
_SAMPLE_FLOW: Final = 1  # its position in that log

_FORMS: Final[Mapping[Form, Fragment]] = {
    "text": {"type": "string", "pattern": "^(0|[1-9][0-9]*)$"},
    "time": {
        "type": "string",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?$",
    },
    "milliseconds": {"type": "integer"},
    "mac with colons": {"type": "string", "pattern": "^[0-9A-F]{2}(:[0-9A-F]{2}){5}$"},
    "mac with hyphens": {"type": "string", "pattern": "^[0-9A-F]{2}(-[0-9A-F]{2}){5}$"},
}
_FORM_NAMES: Final[Mapping[Form, str]] = {
    "plain": "",
    "text": "as text",
    "time": "where it is a time",
    "milliseconds": "in ms since 1970",
    "mac with colons": "as `00:15:5D:12:34:56`",
    "mac with hyphens": "as `00-15-5D-12-34-56`",
}
_FOR_ANY_VALUE: Final = {"plain", "text"}  # forms
_NETWORK_ID: Final = "virtualNetworkId"
_NETWORK_ID_MEANING: Final = "The resource id of the virtual network that `targetResourceId` is or is part of."

Presence = Literal["always", "where known", "one end", "in some flows"]


@dataclass(frozen=True, slots=True)
class _Leaf:
    """What a leaf of a tree is in all layouts.

    Attributes:
        fragment: What its value must be.
        presence: Which flows have it.
        source: The keys of ``flow/1`` that it comes from, for a reader.
        values: How, for a reader.
        meaning: What it says, in a sentence; empty where its source says it.

    """

    fragment: Fragment
    presence: Presence
    source: str
    values: str
    meaning: str = ""


def schema_page(schema: Schema) -> str:
    """Write the JSON Schema (draft 2020-12) of a schema that leaves out nulls."""
    head: Fragment = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Written by `make docs` from flowlog_core/flow/schemas and flowlog_core/decode/formats.",
        "title": schema.name,
        "description": "What is written of a flow; what is not known is left out.",
    }
    return json_text(head | _object_fragment(schema.tree)) + "\n"


def field_table(schema: Schema) -> str:
    """Write the fields of a schema as a table in Markdown."""
    rows = [
        f"| `{'.'.join(path)}` | {leaf.source} | {leaf.values} | {leaf.presence} |"
        for path, leaf in _leaves(schema.tree, ())
    ]
    return "\n".join(["| field | from | values | there |", "|---|---|---|---|", *rows]) + "\n"


def sample(schema: Schema) -> str:
    """Write a flow of a golden log as a block of JSON, the one that flow.md shows too."""
    log = LogReader(SourceBlob("golden", "logs", _SAMPLE.name), Encoder(schema))
    lines = [line for item in log.read([_SAMPLE.read_bytes()]) if item.encoded for line in item.encoded.lines]
    line = lines[_SAMPLE_FLOW]
    return f"```json\n{json_text(json.loads(line))}\n```\n\nAs written, on one line, it takes {len(line):,} bytes.\n"


def _leaves(node: Object, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], _Leaf]]:
    for key, member in node.members.items():
        if isinstance(member, Object):
            yield from _leaves(member, (*above, key))
        else:
            yield (*above, key), _leaf(member)


def _object_fragment(node: Object) -> Fragment:
    """Return what an object must be. One that has nothing to say is left out, and so never empty."""
    members: dict[str, Fragment] = {}
    required = []
    for key, member in node.members.items():
        if isinstance(member, Object):
            members[key] = _object_fragment(member)
            present = "required" in members[key]
        else:
            leaf = _leaf(member)
            members[key] = {"description": leaf.meaning, **leaf.fragment} if leaf.meaning else leaf.fragment
            present = leaf.presence == "always"
        if present:
            required.append(key)
    size: Fragment = {"required": required} if required else {"minProperties": 1}
    return {"type": "object", "properties": members, **size, "additionalProperties": False}


def _leaf(node: Fixed | Value | Table | Distinct | Where) -> _Leaf:
    match node:
        case Fixed(value):
            return _Leaf({"const": value}, "always", "", _code(value))
        case Value():
            return _value(node)
        case Where(_, word, value):
            leaf = _value(value)
            return replace(leaf, presence="one end", values=f"{leaf.values}; {word} flows")
        case Distinct(first, second):
            item = _union([value_fragment(name, layout) for name in (first, second) for layout in LAYOUTS])
            array: Fragment = {"type": "array", "items": item, "minItems": 1, "maxItems": 2, "uniqueItems": True}
            return _Leaf(array, "always", f"`{first}`, `{second}`", "both; one where they are the same")
        case Table(names, values):
            return _table(names, values)


def _value(value: Value) -> _Leaf:
    if value.name == _NETWORK_ID:
        source, part = "`targetResourceId`", "its virtual network"
        return _Leaf({"type": "string"}, "where known", source, part, _NETWORK_ID_MEANING)
    fragments = [value_fragment(value.name, layout) for layout in LAYOUTS]
    fragment = _union(fragments) if value.form == "plain" else _FORMS[value.form]
    has_form = value.form in _FOR_ANY_VALUE or value.name == "time"  # which is one in any tuple that fits its layout
    presence: Presence = "always" if has_form and not any(map(_may_be_null, fragments)) else "where known"
    return _Leaf(fragment, presence, f"`{value.name}`", _FORM_NAMES[value.form], MEANINGS[value.name])


def _table(names: tuple[str, ...], values: Mapping[tuple[Word, ...], Json]) -> _Leaf:
    """Return what a table gives for the words that tuples have."""
    words = list(dict.fromkeys(each for layout in LAYOUTS for each in _words(names, layout)))
    found = [(each, values.get(each)) for each in words]
    given = _distinct([value for _, value in found if value is not None])
    presence: Presence = "always" if all(value is not None for _, value in found) else "in some flows"
    source = ", ".join(f"`{name}`" for name in names)
    return _Leaf({"enum": given}, presence, source, _word_list(found), f"By {source.replace(', ', ' and ')}.")


def _words(names: Sequence[str], layout: Layout) -> Iterator[tuple[Word, ...]]:
    """Yield the words that a tuple of a layout may have for these keys of a flow; None for what it doesn't have."""
    fixed: list[dict[str, Word]] = [{"flowLogType": layout.type, "flowLogVersion": layout.version}]
    versions: list[dict[str, Word]] = [{"ipVersion": version} for version in _IP_VERSIONS]
    choices = [fixed, versions]
    for column in layout.columns:
        forms = {name: form for name, form in column.gives.items() if name in names and isinstance(form, Mapping)}
        if forms:
            letters = next(iter(forms.values()))
            choices.append([{name: json.loads(form[letter]) for name, form in forms.items()} for letter in letters])
    for chosen in itertools.product(*choices):
        merged = {name: word for each in chosen for name, word in each.items()}
        yield tuple(map(merged.get, names))


def _union(fragments: Sequence[Fragment]) -> Fragment:
    """Return what fits any of some fragments, without null; where some list their values, the others cover them."""
    kept = [_without_null(each) for each in fragments if each != {"type": "null"}]
    free = _distinct([each for each in kept if "enum" not in each])
    if len(free) > 1:
        raise ValueError(f"{free} have nothing in common")
    return free[0] if free else {"enum": _distinct([value for each in kept for value in each["enum"]])}


def _may_be_null(fragment: Fragment) -> bool:
    return None in fragment.get("enum", ()) or "null" in fragment.get("type", ())


def _without_null(fragment: Fragment) -> Fragment:
    if "enum" in fragment:
        return {**fragment, "enum": [value for value in fragment["enum"] if value is not None]}
    if isinstance(fragment.get("type"), list):
        (kind,) = (kind for kind in fragment["type"] if kind != "null")
        return {**fragment, "type": kind}
    return fragment


def _distinct[V](values: Sequence[V]) -> list[V]:
    return [value for index, value in enumerate(values) if value not in values[:index]]


def _word_list(found: Sequence[tuple[tuple[Word, ...], Json]]) -> str:
    """Write down which words stand for which value, the words that decide alone once."""
    rows = [f"{words}: {_code(value)}" for words, value in _rows(found, "") if value is not None]
    if len(rows) > _MOST_SHOWN:
        return f"{len(rows)} words: {'; '.join(rows[:3])}; …"
    return "; ".join(rows)


def _rows(found: Sequence[tuple[tuple[Word, ...], Json]], before: str) -> Iterator[tuple[str, Json]]:
    first_words = dict.fromkeys(words[0] for words, _ in found)
    for first in first_words:
        below = [(words[1:], value) for words, value in found if words[0] == first]
        text = f"{before} {_code(first)}".strip()
        values = [value for _, value in below]
        if all(value == values[0] for value in values):
            yield text, values[0]
        else:
            yield from _rows(below, text)


def _code(value: Json) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
