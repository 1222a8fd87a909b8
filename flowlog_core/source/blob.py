"""The source blob as a value: its name, its key, and what its path says; and ranges of its bytes."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, NamedTuple

FLOW_LOG_SUFFIX: Final = "/PT1H.json"
"""Every flow log's name ends so; other blobs in a watched container are none of ours."""

_PARTITION_KEY_LIMIT: Final = 128  # characters (learn.microsoft.com, "Event Hubs quotas and limits")

# Read from the end: what stands before `/y=` has several documented shapes and no fixed number of levels.
_HOUR_PATH: Final = re.compile(
    r"/y=(\d{4})/m=(\d{2})/d=(\d{2})/h=(\d{2})/m=\d{2}/macAddress=([^/]+)/PT1H\.json\Z", re.ASCII
)


class ByteRange(NamedTuple):
    """Bytes ``[start, end)`` of a blob."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"[{self.start}, {self.end})"


@dataclass(frozen=True)
class SourceBlob:
    """A blob that Network Watcher writes.

    Attributes:
        account: Name of the storage account.
        container: Name of the container.
        name: The blob's name within the container, as stored.

    """

    account: str
    container: str
    name: str

    @classmethod
    def outside(cls, name: str) -> "SourceBlob":
        """Name a log that is in no storage account; bytes of a file's name that are no text are written as escapes."""
        return cls("", "", name.encode(errors="backslashreplace").decode())

    @classmethod
    def from_path(cls, path: str) -> "SourceBlob":
        """Read back the `path` of a blob in a storage account.

        Raises:
            ValueError: It has fewer than three parts.

        """
        account, container, name = path.split("/", 2)
        return cls(account, container, name)

    def __str__(self) -> str:
        return self.path

    @cached_property
    def path(self) -> str:
        """``account/container/name``, the form in which events, checkpoints and logs name the blob."""
        return f"{self.account}/{self.container}/{self.name}" if self.account else self.name

    @cached_property
    def key(self) -> str:
        """16 hex digits that stand for the blob in the ids of its flows."""
        return hashlib.blake2b(self.path.encode(), digest_size=8).hexdigest()

    @cached_property
    def is_flow_log(self) -> bool:
        """Whether the name is one of a flow log; anything else in the container is left alone."""
        return self.name.endswith(FLOW_LOG_SUFFIX)

    @cached_property
    def hour(self) -> datetime | None:
        """The hour (UTC) that the path names, or None where it names none."""
        match = _HOUR_PATH.search(self.name)
        if match is None:
            return None
        year, month, day, hour = (int(part) for part in match.groups()[:4])
        try:
            return datetime(year, month, day, hour, tzinfo=UTC)
        except ValueError:
            return None

    def is_before(self, hour: datetime | None) -> bool:
        """Say whether the path names an hour before this one; never where either is unknown."""
        return self.hour is not None and hour is not None and self.hour < hour

    @cached_property
    def mac_address(self) -> str | None:
        """The MAC address that the path names, or None where it names none."""
        match = _HOUR_PATH.search(self.name)
        return match.group(5) if match else None

    @cached_property
    def partition_key(self) -> str:
        """What keeps one blob's flows in one partition: the MAC address, or the key where the path names no fit one."""
        mac_address = self.mac_address
        return mac_address if mac_address and len(mac_address) <= _PARTITION_KEY_LIMIT else self.key
