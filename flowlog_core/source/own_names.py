"""The names of our own blobs, written and read: checkpoints, and items in quarantine, both named after source blobs.

A source blob's name may take all 1,024 characters that storage allows, so a name of ours that would be longer is cut
and marked: its end is replaced by ``~`` and the blob's key, before what tells the items of a blob apart.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from flowlog_core.source.blob import SourceBlob

NAME_LIMIT: Final = 1024
"""Characters in a blob's name at most (learn.microsoft.com, "Naming and referencing containers, blobs")."""

_MARK: Final = re.compile(r"~[0-9a-f]{16}\Z", re.ASCII)
_MARK_LENGTH: Final = 17
_ITEM: Final = re.compile(r"/(0|[1-9]\d{0,18})-([0-9a-f]{8})\.json\Z", re.ASCII)
_LONGEST_ITEM: Final = "/9223372036854775807-ffffffff.json"


@dataclass(frozen=True, slots=True)
class CheckpointNames:
    """The names of what is kept for one destination.

    Attributes:
        destination: ``namespace/hub``.

    """

    destination: str

    def of_replay(self, label: str) -> "CheckpointNames":
        """Return the names of a replay's checkpoints, beside the destination's own."""
        return CheckpointNames(f"{self.destination}/replay={label}")

    def of(self, blob: SourceBlob) -> str:
        """Name a blob's checkpoint: ``destination/account/container/name``."""
        return _fitted(f"{self.destination}/{blob.path}", "", blob)

    def beginning(self, account: str, container: str, under: str) -> str:
        """Return how the checkpoints of all blobs begin whose names begin with `under`; those of others may, too."""
        return _surely_kept(f"{self.destination}/{account}/{container}/{under}", "")

    @property
    def first_run(self) -> str:
        """What keeps the time of the first run."""
        return f"{self.destination}/first-run"

    @property
    def last_sweep(self) -> str:
        """What keeps how far the last sweep came, and when the last complete round began."""
        return f"{self.destination}/last-sweep"

    @property
    def silence(self) -> str:
        """What keeps when the newest blob of each source container was written."""
        return f"{self.destination}/silence"


def item_name(blob: SourceBlob, offset: int, crc: int) -> str:
    """Name an item in quarantine: ``account/container/name/{offset}-{crc}.json``, with the CRC as 8 hex digits."""
    return _fitted(blob.path, f"/{offset}-{crc:08x}.json", blob)


@dataclass(frozen=True, slots=True)
class ItemName:
    """What the name of an item says.

    Attributes:
        blob: The source blob, or None where its path was too long and is cut: then only the document has it.
        offset: Where the item begins.
        crc: CRC-32 of its bytes.

    """

    blob: SourceBlob | None
    offset: int
    crc: int

    @classmethod
    def read(cls, name: str) -> Self | None:
        """Read a name that `item_name` wrote; None where it is none of an item."""
        match = _ITEM.search(name)
        if match is None:
            return None
        path = name[: match.start()]
        try:
            blob = None if _is_cut(name, path) else SourceBlob.from_path(path)
        except ValueError:
            return None
        return cls(blob, int(match[1]), int(match[2], 16))


def is_item_of(name: str, blob: SourceBlob) -> bool:
    """Say whether a name is one of a blob's items, also where the blob's path is too long for it."""
    read = ItemName.read(name)
    return read is not None and name == item_name(blob, read.offset, read.crc)


class ItemsUnder:
    """The names of the items of all blobs whose paths begin with a prefix, as far as names tell.

    Attributes:
        prefix: What all of these names begin with, for a listing.

    """

    def __init__(self, account: str, container: str, under: str) -> None:
        """Take the account, the container, and what the blobs' names begin with."""
        self._path = f"{account}/{container}/{under}"
        self.prefix = _surely_kept(self._path, _LONGEST_ITEM)

    def __contains__(self, name: str) -> bool:
        """Say whether a name is one of them; where it was cut before the prefix ended, it may be one."""
        path = _ITEM.sub("", name)
        if _is_cut(name, path) and len(path) - _MARK_LENGTH < len(self._path):
            return self._path.startswith(path[:-_MARK_LENGTH])
        return name.startswith(self._path)


def _fitted(path: str, ending: str, blob: SourceBlob) -> str:
    """Join path and ending; where storage would not take so long a name, cut and mark the path."""
    room = NAME_LIMIT - len(ending)
    if len(path) > room:
        path = f"{path[: room - _MARK_LENGTH]}~{blob.key}"
    return path + ending


def _surely_kept(path: str, longest_ending: str) -> str:
    """Return what `_fitted` leaves of a path's beginning, whatever follows it."""
    return path[: NAME_LIMIT - len(longest_ending) - _MARK_LENGTH]


def _is_cut(name: str, path: str) -> bool:
    """Whether `_fitted` cut the path in a name: it cuts to the limit and leaves a mark."""
    return len(name) == NAME_LIMIT and _MARK.search(path) is not None
