"""The one way out of a command: whatever is written, by whatever means, is safe to show."""

import ast
import contextlib
import csv
import io
import json
import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowlog_core.cli
from flowlog_core.cli.output.json_text import flow_line
from flowlog_core.cli.output.live_table import LiveTable
from flowlog_core.cli.output.safe_console import SafeConsole
from flowlog_core.cli.output.streams import ERR, OUT, complain, guarded
from flowlog_core.cli.output.terminal import table
from tests.support.hostile import CONTROLS, HOSTILE, SECRET, SECRETS, harm_in

PIECES = st.sampled_from([*CONTROLS, *SECRETS.split(), "=1+1", "\udc80", "é", "words ", '"', "'", ",", "\\"])
HARMFUL = st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join)
WITHOUT_SURROGATES = HARMFUL.map(lambda text: text.encode(errors="replace").decode())
VALUES = st.recursive(
    HARMFUL | st.integers() | st.none(), lambda each: st.lists(each) | st.dictionaries(HARMFUL, each), max_leaves=5
)


def shown(write: Callable[[], object]) -> str:
    """Do something; return what it wrote to either stream."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written), guarded():
        write()
    return written.getvalue()


@given(HARMFUL)
def test_no_text_harms_whoever_it_is_shown_to(text: str) -> None:
    lines = shown(lambda: OUT.write_line(text)), shown(lambda: ERR.write_line(text)), shown(lambda: complain(text))

    assert harm_in(shown(lambda: OUT.write(text))) == []
    assert [(harm_in(line), line.count("\n")) for line in lines] == [([], 1)] * 3


@given(VALUES)
def test_json_is_ascii_and_holds_all_but_the_secrets(value: Any) -> None:
    document, line = shown(lambda: OUT.write_json(value)), shown(lambda: ERR.write_json_line(value))
    rows = shown(lambda: OUT.write_json_rows("rows", [value, value], lambda: {"rest": value}))

    assert [(harm_in(each), each.isascii()) for each in (document, line, rows)] == [([], True)] * 3
    assert json.loads(document) == json.loads(line)
    assert json.loads(rows) == {"rows": [json.loads(line)] * 2, "rest": json.loads(line)}


def test_json_of_harmless_text_is_what_it_was() -> None:
    value = {"rule": 'a "b" \\ \x1b[2J é \udc80', "rows": [1, None, {"x": "https://host/a@b?x=1"}]}

    assert json.loads(shown(lambda: OUT.write_json(value))) == value


@given(st.dictionaries(st.sampled_from(["id", "rule", "blob"]), WITHOUT_SURROGATES | st.integers(0, 2**63 - 1)))
def test_flows_are_ascii_and_as_they_were_but_for_secrets(flow: dict[str, Any]) -> None:
    text = shown(lambda: OUT.write_flows([flow_line(flow)]))

    assert (harm_in(text), text.isascii(), text.count("\n")) == ([], True, 1)
    assert json.loads(text) == json.loads(shown(lambda: OUT.write_json_line(flow)))
    harmless = {key: value for key, value in flow.items() if isinstance(value, int)}
    assert shown(lambda: OUT.write_flows([flow_line(harmless)])) == orjson.dumps(harmless).decode() + "\n"


@given(st.lists(HARMFUL, min_size=1, max_size=4))
def test_no_cell_of_csv_is_harmful_or_a_formula(cells: list[str]) -> None:
    text = shown(lambda: OUT.write_csv([[*cells, 5]]))

    assert (harm_in(text), text.count("\n")) == ([], 1)
    for separator in ",;":
        (row,) = csv.reader(io.StringIO(text), delimiter=separator)
        assert [cell for cell in row if cell.lstrip()[:1] in {*"=+-@\t\r＝＋－＠"} and cell] == []  # noqa: RUF001


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1", "' =1"),
        ("\t=1", "\\t=1"),
        ("\r=1", "\\r=1"),
        ("a;=1", "a;'=1"),
        ("＝1", "'＝1"),  # noqa: RUF001
        ("a-b=c", "a-b=c"),
        ("2001:db8::1", "2001:db8::1"),
        (-5, "-5"),
        (2**63 - 1, "9223372036854775807"),
        (None, ""),
    ],
)
def test_a_formula_becomes_text_and_all_else_stays(value: str | int | None, cell: str) -> None:
    assert shown(lambda: OUT.write_csv([["x", value]])) == f"x,{cell}\n"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("sig=abc&se=1", "sig=…&se=1"),
        ("?sv=1&SIG=abc%2B", "?sv=1&SIG=…"),
        ("AccountKey = a2V5==;x", "AccountKey = …;x"),
        ("SharedAccessSignature=sv=1&sig=abc", "SharedAccessSignature=…&sig=…"),
        ("amqps://name:p@ss:word@host:5671/hub", "amqps://name:…@host:5671/hub"),
        ("'https://u:p@h', 'b@c'", "'https://u:…@h', 'b@c'"),
        ("SharedAccessKeyName=name", "SharedAccessKeyName=name"),
        ("design=5, http://host:80/a@b, name@host", "design=5, http://host:80/a@b, name@host"),
    ],
)
def test_of_connection_strings_and_urls_the_secrets_alone_are_left_out(text: str, left: str) -> None:
    assert shown(lambda: OUT.write_line(text)) == f"{left}\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_table_commands_no_terminal_and_its_columns_stay_in_line(*, terminal: bool) -> None:
    written = io.StringIO()
    console = SafeConsole(written, width=400)
    made = table((("what", "left"), ("count", "right")))
    made.add_row(HOSTILE, "5", style="bold" if terminal else None)
    made.add_row("[bold]:ab:", "6")
    console.print(made)
    console.print(HOSTILE, soft_wrap=True)

    assert harm_in(written.getvalue()) == []
    assert "[bold]:ab:" in written.getvalue()


def test_colours_are_the_consoles_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    written = io.StringIO()

    SafeConsole(written, width=80).print("a\x1b[2Jb", style="red")

    assert written.getvalue() == "\x1b[31ma\\x1b[2Jb\x1b[0m\n"


def test_a_live_table_commands_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    written = io.StringIO()

    with LiveTable(SafeConsole(written, width=200)) as live:
        live.flows([dict.fromkeys(("time", "srcIp", "srcPort", "destIp", "destPort", "protocol", "rule"), HOSTILE)])
        live.totals(HOSTILE)
        live.note(HOSTILE)

    assert "owned" in written.getvalue()
    assert [mark for mark in ("\x1b]", "\x1b[2J", "\x9b", "\u202e", SECRET) if mark in written.getvalue()] == []


LOGGER = logging.getLogger("of_this_test")


def log_and_fail() -> None:
    LOGGER.error(HOSTILE)
    traceback.print_exception(ValueError(HOSTILE))
    print(HOSTILE)
    sys.stderr.writelines([HOSTILE, "\n"])


def test_what_others_write_is_made_safe_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LOGGER, "propagate", False)  # without pytest's handlers, as on a command line
    text = shown(log_and_fail)

    assert harm_in(text) == []
    assert text.count("owned") == 4


def test_after_a_command_the_streams_are_what_they_were() -> None:
    before = sys.stdout, sys.stderr
    with contextlib.suppress(ValueError), guarded():
        assert sys.stdout is not before[0]
        raise ValueError
    assert (sys.stdout, sys.stderr) == before


def test_without_a_stream_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with guarded():
        complain("x")
        ERR.flush()


RAW = {"stdout", "stderr", "__stdout__", "__stderr__"}


def raw_writes(source: str) -> list[str]:
    """Find what writes by another way: a stream of `sys`, a print, a question, or a console of rich's own."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr=name) if name in RAW:
                found.append(name)
            case ast.Call(func=ast.Name(id="print" | "input" as name)):
                found.append(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr="write")):
                found.append("os.write")
            case ast.Call(func=ast.Name(id="Console")) | ast.Call(func=ast.Attribute(attr="Console")):
                found.append("Console")
    return found


def test_no_command_writes_by_another_way() -> None:
    folder = Path(flowlog_core.cli.__file__).parent
    found = {
        str(file.relative_to(folder)): writes
        for file in sorted(folder.rglob("*.py"))
        if (writes := raw_writes(file.read_text()))
    }

    assert set(found) == {"output/streams.py"}


@pytest.mark.parametrize(
    "line",
    [
        "import sys\nsys.stdout.write('x')",
        "print('x')",
        "input('x')",
        "from sys import stderr as s\nimport sys as t\nt.stderr.write('x')",
        "import os\nos.write(1, b'x')",
        "from rich.console import Console\nConsole().print('x')",
    ],
)
def test_a_way_around_is_noticed(line: str) -> None:
    assert raw_writes(line)
