"""How long each source container has got nothing: as a value, and as the content of the blob ``silence``.

A container without new blobs looks like one in which all is forwarded. So the sweeps keep the newest time at which a
blob of each container was written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self

import orjson

from flowlog_core.errors import LastSweepUnreadableError
from flowlog_core.forwarding.metadata import read_time, write_time

DOCUMENT_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of the document at most; a container takes 200 of them."""

type Container = tuple[str, str]
"""Account and container."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest blob of a container.

    Attributes:
        time: When it was written; where none was ever seen, when a sweep first looked.
        seen: Whether there was one.

    """

    time: datetime
    seen: bool


@dataclass(slots=True)
class Silence:
    """What the sweeps have seen of each container.

    A round of sweeps visits every place. A container may have got blobs that no sweep has reached yet, so its silence
    is known up to the beginning of the last round that visited all of them, whatever that one left to later ones.

    Attributes:
        containers: By account and container.
        looked: When the last round began that visited every place; None before there was one.
        round_began: When the round under way began.

    """

    containers: dict[Container, Newest] = field(default_factory=dict)
    looked: datetime | None = None
    round_began: datetime | None = None

    def watch(self, containers: Iterable[Container], now: datetime) -> None:
        """Keep these containers and no others; of a new one no blob was ever seen."""
        unseen = Newest(now, seen=False)
        self.containers = {container: self.containers.get(container, unseen) for container in containers}

    def see(self, container: Container, modified: datetime) -> None:
        """Take note of a blob that was written then."""
        newest = self.containers.get(container)
        if newest is None or not newest.seen or newest.time < modified:
            self.containers[container] = Newest(modified, seen=True)

    def end_round(self) -> None:
        """Take note that every place was visited since the round began."""
        self.looked = self.round_began or self.looked

    def seconds(self) -> dict[Container, float]:
        """Return for how long each container had got nothing when it was last looked at; the longest first.

        A container in which no blob was ever seen is left out where its account has another one with blobs: most
        networks have one kind of flow log.
        """
        if self.looked is None:
            return {}
        accounts = {account for (account, _), newest in self.containers.items() if newest.seen}
        counting = {key: each for key, each in self.containers.items() if each.seen or key[0] not in accounts}
        silent = {key: max((self.looked - each.time).total_seconds(), 0.0) for key, each in counting.items()}
        return dict(sorted(silent.items(), key=lambda item: (-item[1], item[0])))

    def document(self) -> bytes:
        """Write as the content of a blob."""
        containers = [
            {"account": account, "container": container, "time": write_time(newest.time), "seen": newest.seen}
            for (account, container), newest in self.containers.items()
        ]
        times = {"looked": self.looked, "roundBegan": self.round_began}
        kept = {key: write_time(time) for key, time in times.items() if time is not None}
        return orjson.dumps({"schema": 1, **kept, "containers": containers})

    @classmethod
    def read(cls, document: bytes) -> Self:
        """Read back what `document` wrote.

        Raises:
            LastSweepUnreadableError: It was written by something else.

        """
        try:
            kept = orjson.loads(document)
            containers = {
                (_text(each["account"]), _text(each["container"])): Newest(
                    read_time(each, "time"), each["seen"] is True
                )
                for each in kept["containers"]
            }
            looked, round_began = (read_time(kept, key) if key in kept else None for key in ("looked", "roundBegan"))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise LastSweepUnreadableError(f"it is none that a sweep wrote ({type(error).__name__})") from None
        return cls(containers, looked, round_began)


def silent_containers(seconds: Mapping[Container, float], silent_minutes: int) -> list[Container]:
    """Return the containers that are silent: those that got nothing for longer than so many minutes; 0: none."""
    return [container for container, silent in seconds.items() if 0 < silent_minutes * 60 < silent]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
