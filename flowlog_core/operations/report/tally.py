"""Exact totals by key in bounded memory.

Totals are kept in memory up to a number of keys; beyond, they are merged into a temporary SQLite database. SQLite keeps
that in a file without a name, which is gone when it is closed, however that comes about (sqlite.org/inmemorydb.html,
"Temporary databases"); the variable SQLITE_TMPDIR says in which folder.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, Literal, NamedTuple, Self

import orjson

from flowlog_core.errors import TallyError

KEYS_HELD: Final = 20_000
"""Keys in memory at most."""

INBOUND: Final = 1
OUTBOUND: Final = 2

_CACHE: Final = -8192  # in KiB, as it is negative (sqlite.org/pragma.html, "cache_size")
_NUMBER_BYTES: Final = 16  # SQLite's integers end at 2**63, and so does a single counter

Key = tuple[str | int | None, ...]
Order = Literal["bytes", "flows", "key"]


class Seen(NamedTuple):
    """What one flow adds to a total. A tuple, as there are millions of them.

    Attributes:
        denied: Whether it was denied.
        counted: Whether it has counters.
        packets_out: From its source to its destination.
        bytes_out: The same way.
        packets_back: From its destination to its source.
        bytes_back: The same way.
        time: When, in ISO 8601; always of the same form.
        direction: `INBOUND` or `OUTBOUND`.

    """

    denied: bool
    counted: bool
    packets_out: int
    bytes_out: int
    packets_back: int
    bytes_back: int
    time: str
    direction: int


@dataclass(slots=True)
class Total:
    """What the flows of one key add up to.

    Attributes:
        first: Time of the first one.
        last: Time of the last one.
        flows: How many they are.
        denied: Of those, the ones denied.
        counted: Of those, the ones with counters: of the others nobody knows packets or bytes.
        packets_out: Packets from source to destination.
        bytes_out: Bytes the same way.
        packets_back: Packets from destination to source.
        bytes_back: Bytes the same way.
        directions: `INBOUND`, `OUTBOUND`, or both.

    """

    first: str
    last: str
    flows: int = 0
    denied: int = 0
    counted: int = 0
    packets_out: int = 0
    bytes_out: int = 0
    packets_back: int = 0
    bytes_back: int = 0
    directions: int = 0

    @property
    def packets(self) -> int:
        """Packets both ways."""
        return self.packets_out + self.packets_back

    @property
    def bytes(self) -> int:
        """Bytes both ways."""
        return self.bytes_out + self.bytes_back

    def add(self, seen: Seen) -> None:
        """Add a flow."""
        denied, counted, packets_out, bytes_out, packets_back, bytes_back, time, direction = seen
        self.flows += 1
        self.denied += denied
        self.counted += counted
        self.packets_out += packets_out
        self.bytes_out += bytes_out
        self.packets_back += packets_back
        self.bytes_back += bytes_back
        self.directions |= direction
        if time < self.first:
            self.first = time
        elif time > self.last:
            self.last = time


_COLUMNS: Final = "first, last, flows, denied, counted, packets_out, bytes_out, packets_back, bytes_back, directions"
_CREATE: Final = f"CREATE TABLE tally (key PRIMARY KEY, {_COLUMNS}, bytes) WITHOUT ROWID"
_MERGE: Final = """
    INSERT INTO tally VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
    first = min(first, excluded.first), last = max(last, excluded.last), flows = flows + excluded.flows,
    denied = denied + excluded.denied, counted = counted + excluded.counted,
    packets_out = plus(packets_out, excluded.packets_out), bytes_out = plus(bytes_out, excluded.bytes_out),
    packets_back = plus(packets_back, excluded.packets_back), bytes_back = plus(bytes_back, excluded.bytes_back),
    directions = directions | excluded.directions, bytes = plus(bytes, excluded.bytes)
"""
_READ: Final = f"SELECT key, {_COLUMNS} FROM tally"  # noqa: S608 # of the constant above
_ORDERS: Final = {"bytes": "bytes DESC, flows DESC, key", "flows": "flows DESC, bytes DESC, key", "key": "key"}
_Row = tuple[bytes, str, str, int, int, int, bytes, bytes, bytes, bytes, int]


class Tally:
    """Totals by key. To be closed, as it may have a file."""

    def __init__(self, held: int = KEYS_HELD, database: sqlite3.Connection | None = None) -> None:
        """Take the number of keys that memory holds at most, and the database for the others if not a temporary one."""
        self._most = held
        self._held: dict[Key, Total] = {}
        self._database = database or sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")  # nobody goes on with it after a fault
        self._database.execute(f"PRAGMA cache_size = {_CACHE}")
        self._database.create_function("plus", 2, _plus, deterministic=True)
        self._database.execute(_CREATE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the totals, and of the file if there is one."""
        self._database.close()

    def add(self, key: Key, seen: Seen) -> None:
        """Add a flow to a key's total.

        Raises:
            TallyError: The disk is full, or can't be written.

        """
        total = self._held.get(key)
        if total is None:
            if len(self._held) >= self._most:
                self._spill()
            total = self._held[key] = Total(seen.time, seen.time)
        total.add(seen)

    def top(self, count: int, order: Order) -> list[tuple[Key, Total]]:
        """Give the keys with the most bytes or flows and their totals, or the first by key; ties are in order of key.

        Raises:
            TallyError: The disk is full, or can't be written or read.

        """
        return list(self._rows(f"{_READ} ORDER BY {_ORDERS[order]} LIMIT {count:d}"))

    def __len__(self) -> int:
        """Count the keys."""
        self._spill()
        with _disk_errors():
            (count,) = self._database.execute("SELECT count(*) FROM tally").fetchone()
        return int(count)

    def all(self) -> Iterator[tuple[Key, Total]]:
        """Give all keys in their order, with their totals.

        Raises:
            TallyError: The disk is full, or can't be written or read.

        """
        return self._rows(f"{_READ} ORDER BY key")

    def both_ways(self) -> Iterator[tuple[Key, Total]]:
        """Give the keys of which flows were seen in both directions.

        Raises:
            TallyError: The disk is full, or can't be written or read.

        """
        return self._rows(f"{_READ} WHERE directions = {INBOUND | OUTBOUND}")

    def _rows(self, query: str) -> Iterator[tuple[Key, Total]]:
        self._spill()
        with _disk_errors():
            for row in self._database.execute(query):
                yield _read(row)

    def _spill(self) -> None:
        """Merge what memory holds into the database, in order of key, so that neighbours are written together."""
        held = sorted([(orjson.dumps(key), total) for key, total in self._held.items()], key=itemgetter(0))
        with _disk_errors():
            self._database.execute("BEGIN")
            self._database.executemany(_MERGE, (_written(key, total) for key, total in held))
            self._database.execute("COMMIT")
        self._held.clear()


def _written(key: bytes, total: Total) -> tuple[object, ...]:
    numbers = (total.packets_out, total.bytes_out, total.packets_back, total.bytes_back)
    return (
        key,
        total.first,
        total.last,
        total.flows,
        total.denied,
        total.counted,
        *(number.to_bytes(_NUMBER_BYTES) for number in numbers),
        total.directions,
        total.bytes.to_bytes(_NUMBER_BYTES),
    )


def _read(row: _Row) -> tuple[Key, Total]:
    key, first, last, flows, denied, counted, *numbers, directions = row
    packets_out, bytes_out, packets_back, bytes_back = (int.from_bytes(number) for number in numbers)
    total = Total(first, last, flows, denied, counted, packets_out, bytes_out, packets_back, bytes_back, directions)
    return tuple(orjson.loads(key)), total


def _plus(one: bytes, other: bytes) -> bytes:
    """Add two numbers as they are stored: with leading zeros, so that they are in order as bytes, too."""
    return (int.from_bytes(one) + int.from_bytes(other)).to_bytes(_NUMBER_BYTES)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise TallyError(
            f"totals can't be kept on the disk: {error}; SQLITE_TMPDIR names a folder with more room"
        ) from error
