"""The table of flows on terminals of many sizes: what matters is always there, and so are the totals."""

import re
import tracemalloc
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, ConsoleDimensions

from flowlog_core.cli.output.live_table import LiveTable

FULL = "2001:db8:85a3:1234:5678:8a2e:1370:7334"
TOTALS = "17 events · 48 flows · 48 shown · lag 0s"
V6: dict[str, Any] = {
    "time": "2026-11-20T23:05:30.123Z",
    "srcIp": FULL,
    "srcPort": 46022,
    "destIp": "fe80:1234:5678:9abc:def0:1234:5678:9abc",
    "destPort": 443,
    "protocol": 58,
    "direction": "outbound",
    "decision": "allow",
    "flowState": "continue",
    "bytesSrcToDest": 1_234_567_890,
    "bytesDestToSrc": None,
    "rule": "DefaultRule_AllowVnetOutBound",
}
V4 = V6 | {"srcIp": "203.0.113.219", "destIp": "172.31.255.254", "protocol": 6, "decision": "deny"}
SHORT = V4 | {"srcIp": "10.1.0.4", "destIp": "10.1.0.5", "bytesSrcToDest": 5}


class Terminal:
    """A terminal of a given size, and what is on it after each drawing of a table."""

    def __init__(self, width: int, height: int = 24) -> None:
        self._written = StringIO()
        self.console = Console(file=self._written, force_terminal=True, width=width, height=height, color_system=None)
        self.table = LiveTable(self.console)

    def resize(self, width: int, height: int) -> None:
        self.console.size = ConsoleDimensions(width, height)

    def draw(self) -> list[str]:
        """Draw at once, below a note, and give the lines of the table."""
        self.table.note("!")
        return self.lines()

    @property
    def written(self) -> str:
        return self._written.getvalue()

    @property
    def cleared(self) -> int:
        return self.written.count("\x1b[2J")

    def lines(self) -> list[str]:
        """Give the lines of the table as it was drawn last."""
        frame = re.split(r"\x1b\[2K|!\n|\x1b\[2J", self.written)[-1]
        return re.sub(r"\x1b\[[?\d]*[a-zA-Z]", "", frame).rstrip("\n").split("\n")


def shown(width: int, *flows: dict[str, Any], height: int = 24) -> list[str]:
    """Show flows on a terminal of this size, and give the lines of the table."""
    terminal = Terminal(width, height)
    with terminal.table:
        terminal.table.totals(TOTALS)
        terminal.table.flows(list(flows))
    return terminal.lines()


def test_at_80_columns_ipv6_flows_have_what_matters_with_the_middle_of_addresses_left_out() -> None:
    header, row, blank, totals = shown(80, V6)
    assert header.split() == ["TIME", "SOURCE", "DESTINATION", "PROTO", "DECISION"]
    assert row == "23:05:30.123 [2001:db8:85…:7334]:46022 [fe80:1234:5…78:9abc]:443 ICMPv6 allow"
    assert (blank, totals) == ("", TOTALS)


def test_at_120_columns_ipv6_flows_have_nearly_all_of_their_addresses() -> None:
    header, row, *_ = shown(120, V6)
    assert header.split() == ["TIME", "SOURCE", "DESTINATION", "PROTO", "DECISION"]
    assert row.split() == [
        "23:05:30.123",
        "[2001:db8:85a3:1234:56…:8a2e:1370:7334]:46022",
        "[fe80:1234:5678:9abc:def0:1234:5678:9abc]:443",
        "ICMPv6",
        "allow",
    ]


def test_at_80_columns_ipv4_flows_are_not_shortened() -> None:
    header, row, *_ = shown(80, V4)
    assert header.split() == ["TIME", "SOURCE", "DESTINATION", "PROTO", "DIR", "DECISION", "STATE"]
    assert row.split() == [
        "23:05:30.123",
        "203.0.113.219:46022",
        "172.31.255.254:443",
        "TCP",
        "out",
        "deny",
        "continue",
    ]


def test_at_120_columns_ipv4_flows_have_all_columns() -> None:
    header, row, *_ = shown(120, V4)
    assert header.split() == ["TIME", "SOURCE", "DESTINATION", "PROTO", "DIR", "DECISION", "STATE", "BYTES", "RULE"]
    assert "continue 1,234,567,890 DefaultRule" in row
    assert row.endswith("OutBound")


def test_what_fits_is_there_in_full() -> None:
    header, row, *_ = shown(200, V6)
    assert FULL in row
    assert "fe80:1234:5678:9abc:def0:1234:5678:9abc" in row
    assert row.endswith("DefaultRule_AllowVnetOutBound")
    assert [header.index(name) for name in ("SOURCE", "RULE")] == [row.index("[2001"), row.index("DefaultRule")]


def test_columns_stay_where_they_are_when_wide_flows_have_gone() -> None:
    terminal = Terminal(120, 12)
    with terminal.table:
        terminal.table.flows([V6])
        before, *_ = terminal.draw()
        terminal.table.flows([SHORT] * 20)
        after, *rows = terminal.draw()
    assert after == before
    assert not any("2001" in row for row in rows)


@given(
    st.integers(17, 200),
    st.lists(
        st.sampled_from([V4, V6, SHORT, {"rule": "x" * 300}, {"srcIp": "a" * 500, "decision": "deny"}]), min_size=1
    ),
)
def test_no_line_is_longer_than_the_terminal_is_wide_and_ports_are_always_there(
    width: int, flows: list[dict[str, Any]]
) -> None:
    header, *rows, blank, _ = shown(width, *flows, height=100)[: len(flows) + 3]
    assert blank == ""
    assert "SOURCE" in header
    for flow, row in zip(flows, rows, strict=True):
        assert len(row) <= width
        if "srcPort" in flow:
            assert ":46022" in row
            assert ":443" in row


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (34, "SOURCE DESTINATION DECISION"),
        (41, "SOURCE DESTINATION PROTO DECISION"),
        (54, "TIME SOURCE DESTINATION PROTO DECISION"),
    ],
)
def test_on_a_narrow_terminal_the_time_goes_first_and_then_the_protocol(width: int, names: str) -> None:
    assert shown(width, V6, V4)[0].split() == names.split()
    assert shown(width - 1, V6, V4)[0].split() != names.split()


@pytest.mark.parametrize("key", ["rule", "srcIp", "srcPort", "destIp", "destPort", "protocol", "direction", "decision"])
def test_control_characters_can_not_command_the_terminal(key: str) -> None:
    terminal = Terminal(300)
    with terminal.table:
        terminal.table.flows([V6 | {key: "\x1b]0;a:b\x07"}])
    assert "\x1b]" not in terminal.written
    assert "\x07" not in terminal.written


def test_control_characters_are_shown_as_their_escapes() -> None:
    assert shown(200, V6 | {"rule": "a\x1b]0;b\x07"})[1].endswith(r" a\x1b]0;b\x07")


def test_an_address_that_looks_like_markup_is_shown_as_it_is() -> None:
    assert "[2001:ab::1]:1" in shown(200, {"srcIp": "2001:ab::1", "srcPort": 1})[1]


# The totals


@given(st.integers(1, 200), st.integers(1, 60), st.integers(0, 80))
def test_the_totals_are_there_on_a_terminal_of_any_size(width: int, height: int, count: int) -> None:
    lines = shown(width, *[V6] * count, height=height)
    assert len(lines) <= height
    text, totals = "".join(lines).replace(" ", ""), TOTALS.replace(" ", "")
    if len(TOTALS) <= width:
        assert lines[-1] == TOTALS
    else:  # folded, and only on a terminal that has no room for anything else cut off
        assert totals in text or (totals.startswith(text) and len(lines) == height)


def test_the_totals_outlive_any_resize() -> None:
    terminal = Terminal(120, 30)
    with terminal.table:
        terminal.table.totals(TOTALS)
        terminal.table.flows([V6, V4] * 40)
        for width, height in ((80, 24), (41, 8), (20, 4), (1, 1), (160, 50), (80, 24)):
            terminal.resize(width, height)
            lines = terminal.draw()
            assert len(lines) <= height
            if width >= len(TOTALS):
                assert lines[-1] == TOTALS
            assert max(map(len, lines)) <= width
    assert terminal.lines()[-1] == TOTALS


def test_a_taller_terminal_has_more_rows() -> None:
    assert len(shown(80, *[V4] * 100, height=24)) < len(shown(80, *[V4] * 100, height=50)) <= 50


def test_a_resized_terminal_is_cleared_once() -> None:
    terminal = Terminal(120)
    with terminal.table:
        for width in (120, 80, 80, 120):
            terminal.resize(width, 24)
            terminal.draw()
    assert terminal.cleared == 2


def test_cells_of_any_length_do_not_fill_the_memory() -> None:
    terminal = Terminal(120)
    tracemalloc.start()
    try:
        for number in range(500):
            terminal.table.flows([V6 | dict.fromkeys(("rule", "srcIp", "decision"), f"{number}" * 30_000)])
        assert tracemalloc.get_traced_memory()[0] < 2_000_000
    finally:
        tracemalloc.stop()
