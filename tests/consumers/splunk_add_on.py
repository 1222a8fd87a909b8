"""What Splunk makes of a body by the add-on's settings, as far as they go: event breaking, time stamps, fields.

The order is Splunk's ("The sequence of search-time operations" in its Knowledge Manager Manual): the keys of the JSON
object, aliases, calculated fields, of which none sees another, lookups. SQLite evaluates the calculated fields, with
functions of Splunk's names. All of it stands in for a Splunk, which cannot run here.
"""

import configparser
import csv
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parents[2] / "consumers" / "splunk"
ADD_ON: Final = FOLDER / "TA-azure-flow-logs"
SOURCE_TYPE: Final = "azure:flowlog"

Fields = dict[str, str]

FUNCTIONS: Final[Mapping[str, tuple[int, Callable[..., str | int | None]]]] = {
    "if": (3, lambda condition, then, otherwise: then if condition else otherwise),
    "like": (2, lambda text, pattern: re.fullmatch(re.escape(pattern).replace("%", ".*"), text) is not None),
    "lower": (1, str.lower),
    "null": (0, lambda: None),
    "replace": (3, lambda text, pattern, by: re.sub(pattern, by, text)),
    "tonumber": (1, lambda text: int(text) if text.isdecimal() else None),
}
"""Functions that calculated fields may use: how many arguments they take, and what they return."""

_TOKEN: Final = re.compile(r'"(?P<text>[^"]*)"|(?P<function>\w+)(?=\()|(?P<name>[A-Za-z_]\w*)|(?P<other>.)', re.DOTALL)


def stanzas(name: str) -> configparser.ConfigParser:
    """Read a file of the add-on's folder ``default``; a backslash at its end continues a line."""
    parser = configparser.ConfigParser(delimiters="=", comment_prefixes="#", interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # settings keep their letters
    parser.read_string((ADD_ON / "default" / name).read_text(encoding="utf-8").replace("\\\n", " "))
    return parser


def settings() -> Mapping[str, str]:
    return stanzas("props.conf")[SOURCE_TYPE]


def settings_of(kind: str) -> dict[str, str]:
    """Return the settings ``KIND-name`` by their names."""
    return {key.removeprefix(f"{kind}-"): value for key, value in settings().items() if key.startswith(f"{kind}-")}


def break_events(text: str) -> list[str]:
    """Split a stream: what the first group of `LINE_BREAKER` matches is dropped, what is before it ends an event."""
    events, start = [], 0
    for match in re.finditer(settings()["LINE_BREAKER"], text):
        events.append(text[start : match.start(1)])
        start = match.end(1)
    return [event for event in [*events, text[start:]] if event]


def time_of(event: str) -> datetime:
    """Read the time stamp: Splunk looks for it only in the characters after `TIME_PREFIX`."""
    prefix = re.search(settings()["TIME_PREFIX"], event)
    assert prefix is not None
    text = event[prefix.end() :][: int(settings()["MAX_TIMESTAMP_LOOKAHEAD"])]
    return datetime.strptime(text, settings()["TIME_FORMAT"].replace("%3N", "%f").replace("%Z", "%z"))  # noqa: DTZ007


def keys_of(event: str) -> Fields:
    """Read what `KV_MODE = json` finds: text, with null as the word."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in json.loads(event).items()}


def aliases() -> dict[str, str]:
    """Return the fields that are aliases, with what they stand for."""
    pairs = [pair for value in settings_of("FIELDALIAS").values() for pair in re.findall(r"(\S+) AS (\S+)", value)]
    return {alias: field for field, alias in pairs}


def names_in(expression: str) -> set[str]:
    return {match["name"] for match in _TOKEN.finditer(expression) if match["name"]}


def functions_in(expression: str) -> set[str]:
    return {match["function"] for match in _TOKEN.finditer(expression) if match["function"]}


def calculated(fields: Fields) -> Fields:
    """Evaluate `EVAL-…` on the fields of an event; what is null is no field."""
    expressions = settings_of("EVAL")
    columns = ", ".join(_sql(text) for text in expressions.values())
    row = _database().execute(f"SELECT {columns} FROM ({_one_row(fields)})").fetchone()  # noqa: S608 # ours
    return {name: str(value) for name, value in zip(expressions, row, strict=True) if value is not None}


def looked_up(fields: Fields) -> Fields:
    """Add what `LOOKUP-…` finds for the fields of an event."""
    return {
        output: row[output]
        for table, field, output in lookups()
        for row in rows_of(table)
        if row[field] == fields.get(field)
    }


def lookups() -> Iterator[tuple[str, str, str]]:
    """Yield each lookup: its table, the field that it takes, and the one that it makes."""
    for value in settings_of("LOOKUP").values():
        table, field, _, output = value.split()
        yield table, field, output


@cache
def rows_of(table: str) -> list[Fields]:
    with (ADD_ON / "lookups" / stanzas("transforms.conf")[table]["filename"]).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fields_of(event: str) -> Fields:
    """Return all fields that a search sees."""
    fields = keys_of(event)
    fields |= {alias: fields[field] for alias, field in aliases().items() if field in fields}
    fields |= calculated(fields)
    return fields | looked_up(fields)


def _sql(expression: str) -> str:
    return _TOKEN.sub(_sql_token, expression)


def _sql_token(match: re.Match[str]) -> str:
    if match["text"] is not None:
        return f"'{match['text']}'"
    if match["function"]:
        return f"spl_{match['function']}"
    return f'"{match["name"]}"' if match["name"] else match["other"]


def _one_row(fields: Fields) -> str:
    return "SELECT " + ", ".join(f"""'{value.replace("'", "''")}' AS "{name}\"""" for name, value in fields.items())


@cache
def _database() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    for name, (arguments, function) in FUNCTIONS.items():
        database.create_function(f"spl_{name}", arguments, function, deterministic=True)
    return database
