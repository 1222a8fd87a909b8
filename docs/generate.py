"""Writes the reference pages that come from the code. Run by `make docs`.

They are settings.md, cli.md, the JSON Schemas in schemas/, and the tables of keys and fields in flow.md and schemas/.
A test compares the pages with what is written here, so that none is forgotten or edited by hand.
"""

# ruff: noqa: INP001  # a program beside the pages that it writes, and no package
import argparse
import os
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final
from unittest.mock import patch

from docs.flow_reference import json_schema_page, key_table
from docs.schema_reference import field_table, sample, schema_page
from flowlog_core.cli import command_line
from flowlog_core.connections import EVENT_HUB_FORMS, IDENTITY_FORMS, STORAGE_FORMS
from flowlog_core.flow.schemas import SCHEMAS, SchemaName
from flowlog_core.settings.table import EVENT_HUB, SETTINGS, SOURCES, STATE, Setting

FOLDER: Final = Path(__file__).parent

_WIDTH: Final = 120  # of a line of prose
_TERMINAL: Final = {"COLUMNS": "100", "NO_COLOR": "1"}  # what argparse formats its text for

_SETTINGS: Final = """\
<!-- Written by `make docs` from flowlog_core/settings/table.py and flowlog_core/connections.py: edit those. -->

# App settings

The app and the command line read them once, at their start. All that is missing or wrong is reported together, each
fault with the setting's name and what it takes. White space around a value does not count. A setting that is empty has
its default.
"""

_CONNECTIONS: Final = f"""\
## Connections

`{EVENT_HUB}` is the connection of the Event Hubs namespace; `{SOURCES.name}` and `{STATE.name}` name connections of
storage accounts. A connection `X` is either a connection string, in the setting `X`, or an address, in a setting that
begins with `X__`, at which an identity signs in. The connection string has precedence.
"""

_IDENTITY: Final = """\
Without `X__credential` the first identity that is found signs in, in the order of `DefaultAzureCredential`: in Azure
the managed identity, on a laptop its user. The command line always takes its user's identity. The platform's triggers
read the same settings, and further ones such as `X__queueServiceUri` (see "Connections" in Microsoft's guidance for
developing Azure Functions).
"""

_COMMANDS: Final = """\
<!-- Written by `make docs` from what `--help` says: edit flowlog_core/cli. -->

# The command line

`flowlog`, where the package is installed, or `python -m flowlog_core`. [commands.md](commands.md) shows what each
command is for, with its output.
"""

_PART_END: Final = "<!-- end of what is written -->\n"

_OTHERS: Final = [name for name in SCHEMAS if name != "flow"]


def settings_page() -> str:
    """Write settings.md."""
    forms = [
        _table("Storage accounts", STORAGE_FORMS),
        _table("Event Hubs namespaces", EVENT_HUB_FORMS),
        _table("Identities", IDENTITY_FORMS),
    ]
    return "\n".join([_SETTINGS, *map(_section, SETTINGS), _CONNECTIONS, *forms, _IDENTITY])


def command_line_page() -> str:
    """Write cli.md."""
    with patch.dict(os.environ, _TERMINAL):
        helps = [(parser.prog, parser.format_help()) for parser in _parsers(command_line())]
    return "\n".join([_COMMANDS, *(f"## `{name}`\n\n```text\n{text}```\n" for name, text in helps)])


def flow_page() -> str:
    """Write flow.md: the text as it is there, and the tables of keys anew."""
    return _fill(
        "flow.md", {"the keys by default": key_table(default=True), "the keys on request": key_table(default=False)}
    )


def fields_page(name: SchemaName) -> str:
    """Write the page of a schema in schemas/: the text as it is there, and the sample and the table of fields anew."""
    schema = SCHEMAS[name]
    return _fill(f"schemas/{name}.md", {"a flow": sample(schema), "the fields": field_table(schema)})


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "settings.md": settings_page,
    "cli.md": command_line_page,
    "flow.md": flow_page,
    "schemas/flow-1.json": json_schema_page,
    **{f"schemas/{name}.md": partial(fields_page, name) for name in _OTHERS},
    **{f"schemas/{SCHEMAS[name].name.replace('/', '-')}.json": partial(schema_page, SCHEMAS[name]) for name in _OTHERS},
}
"""Each page by its name."""


def main() -> None:
    """Write all pages."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


def _fill(page: str, parts: Mapping[str, str]) -> str:
    """Return a page's text with its parts written anew, each between a comment that names it and one that ends it."""
    text = (FOLDER / page).read_text(encoding="utf-8")
    for name, part in parts.items():
        begin = f"<!-- Written by `make docs`: {name}. -->\n"
        start = text.index(begin) + len(begin)
        text = text[:start] + part + text[text.index(_PART_END, start) :]
    return text


def _section(setting: Setting[object]) -> str:
    return f"""\
## `{setting.name}`

{textwrap.fill(setting.help, _WIDTH, break_on_hyphens=False)}

- Takes: {setting.parser.takes.replace("*", r"\*")}
- Default: `{setting.default_text}`
"""


def _table(title: str, forms: Mapping[str, str]) -> str:
    rows = "".join(f"| `X{form}` | {holds} |\n" for form, holds in forms.items())
    return f"### {title}\n\n| setting | what it holds |\n|---|---|\n{rows}"


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a command's parser and those of the commands below it; argparse has no public way to find them."""
    yield parser
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for below in action.choices.values():
                yield from _parsers(below)


if __name__ == "__main__":
    main()
