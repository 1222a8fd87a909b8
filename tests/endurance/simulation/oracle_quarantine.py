"""What must be in quarantine at the end of a history, judged from its documents alone; see `oracle`."""

import json
import zlib
from collections import Counter
from dataclasses import dataclass

from tests.endurance.simulation.truth import Truth

OVERFLOW = "-overflow.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """A range that quarantine has.

    Attributes:
        start: Its first byte.
        end: The byte after its last.
        crc: CRC-32 of its bytes, or None where they are not kept.
        count: What it counts for, where it says so.
        coarse: Whether sound records may be in it.
    """

    start: int
    end: int
    crc: int | None
    count: int
    coarse: bool

    def covers(self, start: int, end: int) -> bool:
        """Say whether it has a record."""
        return self.start <= start and end <= self.end

    def fits(self, truth: Truth) -> bool:
        """Say whether it is a range of bad records of a document, from the start of one to the end of one."""
        within = [(start, end) for start, end in truth.bad.items() if self.covers(start, end)]
        if not within or (within[0][0], within[-1][1]) != (self.start, self.end):
            return False
        if self.coarse:
            return True
        sound = [end for end in truth.tuples if self.start < end <= self.end and end not in truth.bad.values()]
        same = self.crc is None or zlib.crc32(truth.document[self.start : self.end]) == self.crc
        return same and not sound and self.count == len(within)


def judge_quarantine(
    quarantined: dict[str, bytes],
    most_items: dict[str, int],
    *,
    known: dict[str, list[Truth]],
    present: dict[str, Truth],
) -> list[str]:
    """Say what is wrong with quarantine, in words; the arguments are those of `oracle.judge`.

    `most_items` is by path, of the blobs that must keep to it.
    """
    wrong: list[str] = []
    kept: dict[str, list[Kept]] = {path: [] for path in known}
    items: Counter[str] = Counter()
    for name, document in quarantined.items():
        path, ranges = _read(name, document)
        kept[path] += ranges
        items[path] += not name.endswith(OVERFLOW)
        wrong += [
            f"in quarantine without need: {name} [{each.start}, {each.end})"
            for each in ranges
            if not any(each.fits(truth) for truth in known[path])
        ]
    for path, truth in present.items():
        missing = [start for start, end in truth.bad.items() if not any(each.covers(start, end) for each in kept[path])]
        if missing:
            wrong.append(f"{path}: {len(missing)} records are not in quarantine, such as that at {missing[0]}")
    wrong += [
        f"{path}: {count} items in quarantine" for path, count in items.items() if count > most_items.get(path, count)
    ]
    return wrong


def _read(name: str, document: bytes) -> tuple[str, list[Kept]]:
    fields = json.loads(document)
    path: str = fields["blob"]
    ending = name.removeprefix(f"{path}/")
    if name.endswith(OVERFLOW):
        assert ending == f"{fields['generation']}-{fields['offset']}{OVERFLOW}"
        return path, [_entry(*entry) for entry in fields["entries"]]
    start, length, crc = fields["offset"], fields["length"], fields["crc"]
    assert ending == f"{start}-{crc}.json"
    assert zlib.crc32(fields["raw"].encode()) == int(crc, 16)
    count = sum(fields.get("merged", {"": 1}).values())
    return path, [Kept(start, start + length, int(crc, 16), count, coarse=False)]


def _entry(start: int, end: int, ordinals: list[int] | None, count: int = 1, coarse: str = "") -> Kept:
    assert ordinals is None  # here each bad record is one that can't be read at all
    return Kept(start, end, None, count, coarse == "coarse")
