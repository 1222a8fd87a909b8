"""A tuple is read by the columns of its layout, and nothing is ever guessed at."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlog_core.decode.formats import LAYOUTS, CheckedTuples, Layout
from tests.support import oracle
from tests.unit.decode.sound_tuples import NSG_1, NSG_2, SOUND, VNET_4

LAYOUT_NAMES = [f"{layout.type}-{layout.version}" for layout in LAYOUTS]


def with_column(layout: Layout, index: int, text: str) -> str:
    parts = SOUND[layout].split(",")
    parts[index] = text
    return ",".join(parts)


def reason(layout: Layout, text: object) -> str | None:
    """Say why a tuple is refused, or None; the sound ones around it are always read."""
    sound = SOUND[layout]
    checked = layout.check([sound, text, sound])
    assert checked.sound == ([sound, sound] if checked.reasons else [sound, text, sound])
    assert set(checked.reasons) <= {1}
    return checked.reasons.get(1)


ODD_DIGITS = ["1\N{FULLWIDTH DIGIT ONE}", "1\N{ARABIC-INDIC DIGIT ONE}"]
NUMBER_FORMS = [
    *ODD_DIGITS,
    "",
    "01",
    "00",
    "-1",
    "+1",
    " 1",
    "1 ",
    "1.0",
    "1e3",
    "0x1",
    "1_0",
    "\N{FULLWIDTH DIGIT ONE}",
    "\N{ARABIC-INDIC DIGIT ONE}",
    "\N{SUPERSCRIPT TWO}",
    "\t1",
    "1\n",
    "null",
]
TIMES = ["1000000000", "9999999999", "1663146003", "1663146003599", "9999999999999"]
NO_TIMES = [
    *NUMBER_FORMS,
    "16631460" + ODD_DIGITS[0],
    "0663146003",
    "166314600",
    "16631460035",
    "166314600359",
    "16631460035990",
    "-663146003",
]
ADDRESSES = [
    "0.0.0.0",  # noqa: S104 # no socket is bound to it
    "255.255.255.255",
    "10.0.0.4",
    "::",
    "::1",
    "2001:db8::ff00:42:8329",
    "2001:DB8:0:0:0:0:0:1",
    "fe80::1",
    "::ffff:10.0.0.1",
    "1:2:3:4:5:6:7:8",
]
NO_ADDRESSES = [
    *NUMBER_FORMS,
    "10.0.0",
    "10.0.0.256",
    f"{ODD_DIGITS[0]}.0.0.4",
    "10.0.0.01",
    "10.0.0.4.5",
    "10.0.0.4/32",
    "10.0.0.\N{FULLWIDTH DIGIT FOUR}",
    " 10.0.0.4",
    "10.0.0.4 ",
    "10..0.4",
    "fe80::1%eth0",
    "fe80::1%1",
    "fe80::1%",
    "[::1]",
    "::1::",
    ":",
    ":::",
    "1:2",
    "12345::",
    "g::1",
    "1:2:3:4:5:6:7:8:9",
    "::ffff:10.0.0.01",
    "::ffff:10.0.0.256",
    "::1/128",
    "::\N{FULLWIDTH DIGIT ONE}",
    "10.0.0.4:80",
]
PORTS = ["0", "1", "9", "10", "443", "9999", "10000", "59999", "64999", "65499", "65529", "65535"]
NO_PORTS = [*NUMBER_FORMS, "65536", "65540", "65600", "66000", "70000", "99999", "100000", "443,"]
LARGEST = 2**63 - 1
COUNTS = ["", "0", "1", "1599", "999999999999999999", "1000000000000000000", str(LARGEST - 1), str(LARGEST)]
NO_COUNTS = [
    *(form for form in NUMBER_FORMS if form),
    str(LARGEST + 1),
    "9300000000000000000",
    "10000000000000000000",
    "9" * 40,
]
LETTERS = ["", "t", "x", " T", "T ", "TT", "TCP", "1", "-", "\N{FULLWIDTH LATIN CAPITAL LETTER T}"]
ENCRYPTIONS = ["X", "NX", "NX_HW_NOT_SUPPORTED", "NX_SW_NOT_READY", "NX_NOT_ACCEPTED", "NX_LOCAL_DST", "NX_FALLBACK_V2"]
NO_ENCRYPTIONS = [
    "",
    "x",
    "nx",
    "XN",
    "NXX",
    "NX_",
    "NX_a",
    "NX-A",
    "X_HW",
    "NX NX",
    'NX"',
    "NX_\N{LATIN CAPITAL LETTER E WITH ACUTE}",
]

Column = tuple[str, list[str], list[str]]
SHARED: list[Column] = [
    ("time stamp", TIMES, NO_TIMES),
    ("source address", ADDRESSES, NO_ADDRESSES),
    ("destination address", ADDRESSES, NO_ADDRESSES),
    ("source port", PORTS, NO_PORTS),
    ("destination port", PORTS, NO_PORTS),
]
NSG_SHARED: list[Column] = [
    *SHARED,
    ("protocol", ["T", "U"], [*LETTERS, "6", "17", "I", "A"]),
    ("direction", ["I", "O"], [*LETTERS, "i", "IO"]),
    ("decision", ["A", "D"], [*LETTERS, "a", "B"]),
]
COUNTERS: list[Column] = [
    (f"{what} from {whom}", COUNTS, NO_COUNTS) for whom in ("source", "destination") for what in ("packets", "bytes")
]
COLUMNS: dict[Layout, list[Column]] = {
    NSG_1: NSG_SHARED,
    NSG_2: [*NSG_SHARED, ("flow state", ["B", "C", "E"], [*LETTERS, "D", "A", "BC"]), *COUNTERS],
    VNET_4: [
        *SHARED,
        (
            "protocol",
            ["0", "1", "6", "9", "17", "58", "99", "100", "199", "249", "255"],
            [*NUMBER_FORMS, "T", "U", "256", "260", "300", "1000"],
        ),
        ("direction", ["I", "O"], [*LETTERS, "A"]),
        ("flow state", ["B", "C", "E", "D"], [*LETTERS, "A", "BD"]),
        ("encryption", ENCRYPTIONS, NO_ENCRYPTIONS),
        *COUNTERS,
    ],
}
CELLS = [
    pytest.param(layout, index, column, id=f"{layout.type}-{layout.version} {column[0]}")
    for layout, columns in COLUMNS.items()
    for index, column in enumerate(columns)
]


@pytest.mark.parametrize(("layout", "index", "column"), CELLS)
def test_a_column_takes_what_it_should_and_nothing_else(layout: Layout, index: int, column: Column) -> None:
    name, taken, refused = column
    columns = len(SOUND[layout].split(","))
    for text in taken:
        assert reason(layout, with_column(layout, index, text)) is None, text
    for text in refused:
        expected = f"no {name}"
        if "," in text:
            expected = f"{columns + 1} columns where {layout.type} version {layout.version} has {columns}"
        assert reason(layout, with_column(layout, index, text)) == expected, text


@pytest.mark.parametrize("layout", LAYOUTS, ids=LAYOUT_NAMES)
def test_the_number_of_columns_must_be_the_layouts(layout: Layout) -> None:
    parts = SOUND[layout].split(",")
    for text in (",".join(parts[:-1]), SOUND[layout] + ",", SOUND[layout] + ",0", "," + SOUND[layout], ""):
        count = text.count(",") + 1
        expected = f"{count} columns where {layout.type} version {layout.version} has {len(parts)}"
        assert reason(layout, text) == expected


@pytest.mark.parametrize("layout", LAYOUTS, ids=LAYOUT_NAMES)
def test_no_layout_takes_a_tuple_of_another(layout: Layout) -> None:
    for other in LAYOUTS:
        assert (reason(layout, SOUND[other]) is None) == (other is layout)


@pytest.mark.parametrize("layout", LAYOUTS, ids=LAYOUT_NAMES)
@pytest.mark.parametrize("wrong", [None, 0, 1.5, True, [], ["x"], {}, {"x": "y"}], ids=str)
def test_what_is_no_string_is_no_tuple(layout: Layout, wrong: object) -> None:
    assert reason(layout, wrong) == "not a string"


@pytest.mark.parametrize("layout", LAYOUTS, ids=LAYOUT_NAMES)
@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\x00"], ids=repr)
def test_no_second_tuple_can_be_smuggled_in_behind_a_line_end(layout: Layout, line_end: str) -> None:
    sound = SOUND[layout]
    for text in (sound + line_end + sound, line_end + sound, sound + line_end, sound + line_end * 2 + sound):
        assert layout.check([text]) == CheckedTuples([], {0: reason(layout, text) or "none"}, denied=0)
        checked = layout.check([text, sound, text])
        assert (checked.sound, set(checked.reasons)) == ([sound], {0, 2})
    checked = layout.check([sound + line_end, sound, "x"])
    assert (checked.sound, set(checked.reasons)) == ([sound], {0, 2})


def test_of_no_tuples_none_is_sound() -> None:
    assert NSG_1.check([]) == CheckedTuples([], {}, denied=0)


@pytest.mark.parametrize(
    ("layout", "denied", "allowed"),
    [
        (NSG_1, "1663146003,dead::1,10.0.0.5,1024,443,T,O,D", "1663146003,10.0.0.4,dead::1,1024,443,T,I,A"),
        (NSG_2, "1663146003,::1,10.0.0.5,1024,443,T,I,D,B,,,,", "1663146003,DA::,D::D,1024,443,T,I,A,B,,,,"),
        (VNET_4, "1663146003,DA::,D::D,1,4,6,O,D,NX,0,0,0,0", "1663146003,D::1,D::D,1,4,6,I,B,NX_D,0,0,0,0"),
    ],
    ids=LAYOUT_NAMES,
)
def test_sound_tuples_of_denied_flows_are_counted(layout: Layout, denied: str, allowed: str) -> None:
    checked = layout.check([denied, allowed, denied + ",D", allowed, denied])
    assert (checked.denied, len(checked.sound)) == (2, 4)


REASONS = re.compile(r"not a string|\d+ columns where (?:nsg|vnet) version \d has \d+|no [a-z ]+")


@given(st.sampled_from(LAYOUTS), st.integers(0, 12), st.text() | st.from_regex(r"[0-9A-FINTUX_.:,%\-+ \n]{0,12}"))
def test_a_tuple_is_taken_exactly_where_a_slower_reader_takes_it(layout: Layout, index: int, text: str) -> None:
    changed = with_column(layout, min(index, SOUND[layout].count(",")), text)
    found = reason(layout, changed)
    assert (found is None) == oracle.fits(layout.version, changed)
    assert found is None or REASONS.fullmatch(found)


@given(st.sampled_from([255, 65535, 2**63 - 1]), st.data())
def test_numbers_are_taken_up_to_their_bound_and_not_beyond(bound: int, data: st.DataObject) -> None:
    column = {255: 5, 65535: 4, 2**63 - 1: 9}[bound]
    place = 10 ** data.draw(st.integers(0, len(str(bound)) - 1))
    changed = bound // place // 10 * 10 * place + data.draw(st.integers(0, 9)) * place
    number = data.draw(st.integers(0, 2 * bound) | st.integers(bound - 10, bound + 10) | st.just(changed))
    assert (reason(VNET_4, with_column(VNET_4, column, str(number))) is None) == (number <= bound)
