"""Tuples and documents with random faults: ``python -m tests.endurance.mutations``, or ``make mutations``.

What the app accepts and refuses of tuples is compared with their layouts, read column by column; what it finds in a
document that is cut somewhere, with what it finds in the same document at once.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from flowlog_core.decode.formats import LAYOUTS, CheckedTuples, Layout
from flowlog_core.decode.log_reader import DecodedItem, LogReader
from flowlog_core.errors import NotAFlowLogError
from flowlog_core.flow.formatter import Encoder
from local.network_watcher.fleet import fleet
from local.network_watcher.internet import internet_facing
from local.network_watcher.records import Oddities, Recorder
from tests.local.network_watcher.flow_log_reader import tuples
from tests.support.flow_logs import VNET, document
from tests.support.strict_tuples import is_denied, reason_for

TUPLES = 100_000
DOCUMENTS = 20_000
MOST_TOGETHER = 40
ODDITIES = Oddities(forms=True, hostile=True, escapes=True)
MINUTE = 29_000_000
LETTERS = "0123456789.,:ABCDEFINOTUXabcdef_-+ %\n\r\x00\N{FULLWIDTH DIGIT ONE}\N{ARABIC-INDIC DIGIT ONE}\u2028\ud800"
TEXTS = [
    *(
        "",
        "0",
        "00",
        "01",
        "255",
        "256",
        "65535",
        "65536",
        "9223372036854775807",
        "9223372036854775808",
        "1e3",
        "I",
        "D",
    ),
    *("1663146003", "1663146003599", "16631460035", "X", "NX_", "NX_A", "NX_a", "X_A", "T", "U", "B,B"),
]
ADDRESSES = [
    *(
        "10.0.0.4",
        "10.0.0.256",
        "10.0.0.04",
        "::",
        "::1",
        "1::2::3",
        "::ffff:10.0.0.1",
        "::10.0.0.256",
        ":::",
        "D00D::1",
    ),
    *("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "1::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "::2:3:4:5:6:7:8", "fe80::1%1"),
    *(
        "2001:DB8::00001",
        "0.0.0.0::",
        "dead::D",
        "1111:2222:3333:4444:5555:6666:255.255.255.255",
        "1:2:3:4:5:6:7:1.2.3.4",
    ),
    "01111:2222:3333:4444:5555:6666:255.255.255.255",
]
MARKS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"\\",
    b",",
    b":",
    b'{"time":',
    b'"}',
    b"]}",
    b"\n",
    b"\xff",
    b'\\"',
    b'{"records":[',
]


def recorders(seed: str, per_minute: int) -> Iterator[Recorder]:
    """Make writers of logs of every format, with few peers and with many."""
    for interface in (*fleet(5, seed), *internet_facing(seed)):
        yield Recorder(interface, MINUTE, per_minute, seed, ODDITIES)


def sound_tuples() -> dict[tuple[str, int], list[str]]:
    """Return tuples of each layout, nearly all of which fit."""
    found: dict[tuple[str, int], list[str]] = {(layout.type, layout.version): [] for layout in LAYOUTS}
    for recorder in recorders("tuples", 400):
        for record in recorder.minute():
            for version, _, text in tuples(json.loads(record.text)):
                found["vnet" if version == 4 else "nsg", version].append(text)
    return found


def mutate_tuple(draw: random.Random, text: str) -> object:
    """Change some letters or columns, or nothing at all."""
    for _ in range(draw.choice([0, 0, 1, 1, 1, 2, 3])):
        parts = text.split(",")
        index, place = draw.randrange(len(parts)), draw.randrange(len(text) + 1)
        match draw.randrange(8):
            case 0:
                parts[index] = draw.choice(ADDRESSES if index in {1, 2} else TEXTS)
            case 1:
                parts[index] += draw.choice(LETTERS)
            case 2:
                parts[index] = parts[index][1:]
            case 3:
                other = draw.randrange(len(parts))
                parts[index], parts[other] = parts[other], parts[index]
            case 4:
                parts.insert(index, draw.choice(TEXTS))
            case 5:
                parts = [*text[:place], draw.choice(LETTERS), *text[place + draw.randrange(2) :]]
                text = "".join(parts)
                continue
            case 6:
                text += draw.choice(["\n", ",", ""]) + text
                continue
            case _:
                del parts[index]
        text = ",".join(parts) or text
    return text if draw.randrange(500) else draw.choice([None, 5, ["x"], {}])


def check_tuples(count: int, seed: int = 1) -> Counter[str]:
    """Compare for so many tuples; return how many were sound, refused, and sound with a colon.

    Raises:
        AssertionError: Something was accepted or refused otherwise than column by column.

    """
    draw, sound, seen = random.Random(seed), sound_tuples(), Counter[str]()
    while seen.total() < count:
        layout = draw.choice(LAYOUTS)
        written = sound[layout.type, layout.version]
        # One that is refused has all others of its group looked at alone: groups without any must come, too.
        few = draw.random() < 0.3
        some = [draw.choice(written) for _ in range(draw.randint(0, MOST_TOGETHER))]
        mutated = [mutate_tuple(draw, each) if not few or not draw.randrange(20) else each for each in some]
        checked = layout.check(mutated)
        assert checked == _check_slowly(layout, mutated), mutated
        seen.update("refused" if index in checked.reasons else "sound" for index in range(len(mutated)))
    return seen


def _check_slowly(layout: Layout, written: Sequence[object]) -> CheckedTuples:
    reasons = {index: reason_for(layout.type, layout.version, each) for index, each in enumerate(written)}
    sound = [each for index, each in enumerate(written) if isinstance(each, str) and reasons[index] is None]
    refused = {index: reason for index, reason in reasons.items() if reason is not None}
    return CheckedTuples(sound, refused, sum(map(is_denied, sound)))


def mutate_document(draw: random.Random, data: bytes) -> bytes:
    """Change some bytes of a document, more often where its structure is."""
    for _ in range(draw.randint(0, 4)):
        start = draw.randrange(len(data))
        if draw.randrange(2):
            start = data.find(draw.choice(MARKS), start)
        end = start + draw.choice([0, 1, 1, 2, 30, 2_000])
        piece = b""
        if draw.randrange(2):
            other = draw.randrange(len(data))
            piece = draw.choice([draw.choice(MARKS), draw.randbytes(2), data[other : other + draw.choice([5, 1_500])]])
        data = data[:start] + piece + data[end:] or data
    return data


def check_documents(count: int, seed: int = 1) -> Counter[str]:
    """Compare for so many documents; return how many records, and malformed ranges, there were.

    Raises:
        AssertionError: A cut made a difference.

    """
    draw, seen, encoder = random.Random(seed), Counter[str](), Encoder()
    records = [record.text for recorder in recorders("documents", 12) for _ in range(6) for record in recorder.minute()]
    for _ in range(count):
        data = mutate_document(draw, document(draw.sample(records, draw.randint(1, 5))))
        cuts = [draw.randrange(len(data) + 1) for _ in range(draw.randint(1, 8))]
        at_once = _read(data, [], encoder)
        assert _read(data, cuts, encoder) == at_once, (data, cuts)
        seen.update("records" if item.is_record else "malformed ranges" for item in at_once)
    return seen


def _read(data: bytes, cuts: Sequence[int], encoder: Encoder) -> list[DecodedItem]:
    """Read a document, cut at these places; nothing where it is no flow log, which its first bytes decide."""
    chunks = (data[start:end] for start, end in pairwise(sorted({0, *cuts, len(data)})))
    try:
        return list(LogReader(VNET, encoder).read(chunks))
    except NotAFlowLogError:
        return []


def main() -> None:
    """Check as many as asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.mutations")
    parser.add_argument("--tuples", type=int, default=TUPLES)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print("tuples:", dict(check_tuples(options.tuples, options.seed)))
    print("documents:", dict(check_documents(options.documents, options.seed)))


if __name__ == "__main__":
    main()
