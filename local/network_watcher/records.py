"""One interface's flow log: its records, minute by minute.

Pure: it makes bytes and their model; `block_blob` and `writer` put them into blobs.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, NamedTuple

from local.network_watcher.layouts import LAYOUTS, NSG_1, NSG_2, VNET, FlowLog, Nest, Style
from local.network_watcher.traffic import SERVICES, Addresses, Observation, Rule, Service, Traffic

RECORD_BYTES: Final = 32_270
"""Observed: a busy minute is cut into records of at most about this size, all with the same `time`."""

NEWEST_SECONDS: Final = 3
"""Observed: a record's tuples are 3 to 64 s older than its `time`. Here they cover 60 full seconds."""

HALF_HOUR: Final = 30
"""The minute from which an interface writes its second version."""

ODD_ONE_IN: Final = 4
"""How often a record shows an odd form, or a hostile record a broken tuple, where these are asked for."""

RARE_ONE_IN: Final = 100
"""How often a record has broken tuples where these are to be rare."""

UNKNOWN_ONE_IN: Final = 10
"""How often a hostile record has a version that nobody knows."""

UNKNOWN_VERSIONS: Final = {NSG_1: "3", NSG_2: "3", VNET: "5"}
"""A version that doesn't exist, for a record of each that does."""

# A tuple's field and what it can't be in any version.
_WRONG_FIELDS: Final = (
    (0, "yesterday"),
    (0, "16631460035"),
    (1, "10.0.0.256"),
    (2, "10.0.0"),
    (3, "65536"),
    (4, "-1"),
    (4, "0443"),
    (4, ""),
    (5, "ICMP"),
    (5, "256"),
    (6, "S"),
    (7, "Z"),
)


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface and its flow log.

    Attributes:
        mac: 12 hexadecimal digits in capitals.
        addresses: One for each IP version.
        log: The flow log that covers it.
        versions: Whose layout is written in an hour's first half, and in its second; they differ where a flow log
            is reconfigured in mid-hour.
        services: What occurs here; of these, what the flow log notices.

    """

    mac: str
    addresses: tuple[Addresses, ...]
    log: FlowLog
    versions: tuple[int, int]
    services: tuple[Service, ...] = SERVICES

    def blob_name(self, second: int) -> str:
        """Name the blob of the hour that `second`, Unix time, lies in; without its container."""
        hour = datetime.fromtimestamp(second, UTC)
        return f"{self.log.folder}/{hour:y=%Y/m=%m/d=%d/h=%H}/m=00/macAddress={self.mac}/PT1H.json"


@dataclass(frozen=True, slots=True)
class Oddities:
    """What a flow log's records may show beside the usual, each now and then.

    Attributes:
        forms: Documented variants: the version as a string, VNet stamps in seconds, empty VNet `B` counters.
        hostile: Tuples that don't fit their layout, records of unknown versions.
        escapes: All letters but ASCII escaped, or all slashes: the same JSON, written as others write it.
        rare: Tuples with a column too many, in one record of `RARE_ONE_IN`.

    """

    forms: bool = False
    hostile: bool = False
    escapes: bool = False
    rare: bool = False


PLAIN: Final = Oddities()
"""Nothing but the usual."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record and the model of what is in it.

    Attributes:
        interface: Whose it is.
        second: Its `time` as Unix time, without the fraction.
        style: How it is written.
        text: Its bytes, from `{` to `}`.
        tuples: The observations in its tuples, in order.
        broken: Ordinals of the tuples that were written wrong on purpose, ascending.
        unknown: Whether its version is one that nobody knows, so that nothing of it can be read.

    """

    interface: Interface
    second: int
    style: Style
    text: bytes
    tuples: tuple[Observation, ...]
    broken: tuple[int, ...] = ()
    unknown: bool = False

    @property
    def flows(self) -> int:
        """Number of tuples that can be read."""
        return 0 if self.unknown else len(self.tuples) - len(self.broken)


class _Slice(NamedTuple):
    """Consecutive tuples of one rule, with their texts."""

    rule: Rule
    nest: Nest
    seen: list[Observation]
    texts: list[str]


class Recorder:
    """Writes one interface's flow log.

    Args:
        interface: Its flow log is written.
        first_minute: Minutes since 1970 of the first record's `time`.
        per_minute: Tuples a minute.
        seed: The same seed and the same other arguments write the same bytes.
        oddities: What to mix in.

    """

    def __init__(
        self,
        interface: Interface,
        first_minute: int,
        per_minute: int,
        seed: str,
        oddities: Oddities = PLAIN,
    ) -> None:
        self.interface = interface
        self._minute = first_minute
        self._oddities = oddities
        # It must be repeatable; nothing secret is made.
        self._random = random.Random(f"{seed}/{interface.mac}/records")  # noqa: S311
        self._phase = self._random.randrange(5, 55)
        self._fraction = self._random.randrange(9_000_000)
        self._traffic = Traffic(
            [service for service in interface.services if interface.log.notices(service)],
            interface.addresses,
            (first_minute * 60 + self._phase - NEWEST_SECONDS - 60) * 1_000,
            per_minute,
            f"{seed}/{interface.mac}/traffic",
        )

    def minute(self) -> list[Record]:
        """Write the next minute's records; none where there was no traffic."""
        second = self._minute * 60 + self._phase
        half = self._minute % 60 >= HALF_HOUR
        self._minute += 1
        style = self._choose_style(second, self.interface.versions[half])
        head, tail = self.interface.log.frame(self.interface.mac, style)
        room = RECORD_BYTES - len(head.encode()) - len(tail.encode())
        return [
            self._write_record(second, style, page, head, tail)
            for page in _cut(self._sort_by_rule(self._traffic.minute(), style), room)
        ]

    def _choose_style(self, second: int, version: int) -> Style:
        """Choose how a minute's records look."""
        moment = datetime.fromtimestamp(second, UTC)
        time = f"{moment:%Y-%m-%dT%H:%M:%S}.{self._fraction + self._random.randrange(1_000_000):07}Z"
        style = Style(time, version, str(version))
        if not self._oddities.forms:
            return style
        if version != VNET:
            return replace(style, version_text=f'"{version}.0"') if self._one_in(ODD_ONE_IN) else style
        return replace(style, in_seconds=self._one_in(ODD_ONE_IN), empty_begin=self._one_in(ODD_ONE_IN))

    def _sort_by_rule(self, seen: Sequence[Observation], style: Style) -> list[_Slice]:
        """Sort observations by rule, and each rule's by time; outbound rules first."""
        by_rule: defaultdict[Rule, list[Observation]] = defaultdict(list)
        for one in seen:
            by_rule[one.conversation.service.rule].append(one)
        write = LAYOUTS[style.version]
        slices = []
        for rule in sorted(by_rule, key=lambda rule: (rule.direction != "O", rule)):
            ordered = sorted(by_rule[rule], key=lambda one: one.millis)
            nest = self.interface.log.nest(self.interface.mac, rule)
            slices.append(_Slice(rule, nest, ordered, [write(one, style) for one in ordered]))
        return slices

    def _write_record(self, second: int, style: Style, page: Sequence[_Slice], head: str, tail: str) -> Record:
        """Write one record, with what is hostile in it."""
        tuples = tuple(one for part in page for one in part.seen)
        broken: tuple[int, ...] = ()
        unknown = self._oddities.hostile and self._one_in(UNKNOWN_ONE_IN)
        if unknown:
            # Of the same length, so that no record outgrows the limit by it.
            wrong = style.version_text.replace(str(style.version), UNKNOWN_VERSIONS[style.version])
            head, _ = self.interface.log.frame(self.interface.mac, replace(style, version_text=wrong))
        elif self._oddities.hostile and self._one_in(ODD_ONE_IN):
            broken = self._break(page, len(tuples), self._spoil)
        elif self._oddities.rare and self._one_in(RARE_ONE_IN):
            broken = self._break(page, len(tuples), "{},0".format)
        text = f"{head}{_write_flows(page)}{tail}"
        if self._oddities.escapes:
            text = self._escape(text)
        return Record(self.interface, second, style, text.encode(), tuples, broken, unknown)

    def _escape(self, text: str) -> str:
        """Write a record as some writers of JSON do."""
        if self._one_in(ODD_ONE_IN):
            return text.replace("/", "\\/")
        return _escape_letters(text) if self._one_in(ODD_ONE_IN) else text

    def _break(self, page: Sequence[_Slice], count: int, spoil: Callable[[str], str]) -> tuple[int, ...]:
        """Write one to three of a page's tuples wrong, in place; return their ordinals."""
        ordinals = sorted(self._random.sample(range(count), min(count, self._random.randint(1, 3))))
        for ordinal in ordinals:
            position = ordinal
            for part in page:
                if position < len(part.texts):
                    part.texts[position] = spoil(part.texts[position])
                    break
                position -= len(part.texts)
        return tuple(ordinals)

    def _spoil(self, text: str) -> str:
        """Make a tuple that fits no layout out of one that does."""
        fields = text.split(",")
        which = self._random.randrange(len(_WRONG_FIELDS) + 2)
        if which < len(_WRONG_FIELDS):
            index, value = _WRONG_FIELDS[which]
            fields[index] = value
        elif which == len(_WRONG_FIELDS):
            fields.pop()
        else:
            fields.append("0")
        return ",".join(fields)

    def _one_in(self, chances: int) -> bool:
        return self._random.randrange(chances) == 0


def _escape_letters(text: str) -> str:
    """Escape letters that are not ASCII; none of ours is beyond the first 65,536."""
    return "".join(letter if letter.isascii() else f"\\u{ord(letter):04x}" for letter in text)


def _cut(slices: Sequence[_Slice], room: int) -> Iterator[list[_Slice]]:
    """Cut slices into pages whose text takes at most `room` bytes, each as full as can be."""
    page: list[_Slice] = []
    left = room
    for part in slices:
        frame = sum(len(text.encode()) for text in part.nest) + len(",")
        left -= frame
        start = 0
        for end, text in enumerate(part.texts):
            size = len(text) + len('"",')
            if size > left:
                page += _take_tuples(part, start, end)
                yield page
                page, left, start = [], room - frame, end
            left -= size
        page += _take_tuples(part, start, len(part.texts))
    if page:
        yield page


def _take_tuples(part: _Slice, start: int, end: int) -> list[_Slice]:
    """Take the tuples from `start` to `end`; nothing where there are none."""
    return [part._replace(seen=part.seen[start:end], texts=part.texts[start:end])] if start < end else []


def _write_flows(page: Sequence[_Slice]) -> str:
    """Write what stands between a record's head and tail."""
    entries = []
    for _, parts in groupby(page, lambda part: (part.nest.outer_open, part.rule.direction)):
        members = list(parts)
        inner = ",".join(f'{part.nest.inner_open}"{'","'.join(part.texts)}"{part.nest.inner_close}' for part in members)
        entries.append(f"{members[0].nest.outer_open}{inner}{members[0].nest.outer_close}")
    return ",".join(entries)
