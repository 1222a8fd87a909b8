"""Logs of the same traffic: an interface that has both an NSG and a VNet flow log for an hour is logged twice.

VNet flow logs have all that NSG flow logs have, and more (learn.microsoft.com, "Virtual network flow logs"), so those
are counted. NSG flow logs end on 30 September 2027; until then, both may run side by side.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Self

from flowlog_core.decode.formats import FlowGroup, FlowRecord
from flowlog_core.decode.log_reader import LogReader
from flowlog_core.errors import NotAFlowLogError
from flowlog_core.flow.formatter import Encoder
from flowlog_core.flow.schemas.flow_1 import flow_schema
from flowlog_core.forwarding.listing import hour_of
from flowlog_core.source.blob import SourceBlob

Kind = Literal["nsg", "vnet"]

# What begins a blob's name, or stands in a copy's path: `flowLogResourceID=/…/y=` or `resourceId=/…/y=`.
_ROOT: Final = re.compile(r"(?:^|/)(flowLogResourceID|resourceId)=", re.IGNORECASE)
_KINDS: Final[dict[str, Kind]] = {"flowlogresourceid": "vnet", "resourceid": "nsg"}
_NO_DIGIT: Final = re.compile(r"[^0-9A-F]")


@dataclass(frozen=True, slots=True)
class LoggedHour:
    """What a log is about.

    Attributes:
        kind: Which of the two logs it is; None where that is not known.
        mac_address: Of the interface, as 12 capital digits; None where that is not known.
        hour: Its hour (UTC); None where that is not known.

    """

    kind: Kind | None
    mac_address: str | None
    hour: datetime | None

    @classmethod
    def of_path(cls, blob: SourceBlob) -> Self:
        """Read what a path tells."""
        root = _ROOT.search(blob.name)
        return cls(_KINDS[root[1].lower()] if root else None, _digits(blob.mac_address), blob.hour)

    @classmethod
    def of_record(cls, record: FlowRecord) -> Self:
        """Read what a record tells: its own time is within the hour, unlike those of its tuples."""
        groups = (group for group in record.groups if isinstance(group, FlowGroup))
        mac_address = next((group.mac_address for group in groups), None)
        moment = record.moment
        return cls(record.layout.type, _digits(mac_address), None if moment is None else hour_of(moment))

    @classmethod
    def of_log(cls, chunks: Iterable[bytes]) -> Self:
        """Read the first record of a known layout; of a log without one nothing is known."""
        with suppress(NotAFlowLogError):
            for decoded in LogReader(SourceBlob.outside(""), Encoder(flow_schema(("id",)))).read(chunks):
                if decoded.record is not None:
                    return cls.of_record(decoded.record)
        return cls(None, None, None)

    @property
    def known(self) -> bool:
        """Whether all of it is known."""
        return None not in {self.kind, self.mac_address, self.hour}

    def or_else(self, other: "LoggedHour") -> "LoggedHour":
        """Fill in what is not known."""
        return LoggedHour(self.kind or other.kind, self.mac_address or other.mac_address, self.hour or other.hour)


class VnetHours:
    """Interfaces and hours that have a VNet flow log."""

    def __init__(self, logs: Iterable[LoggedHour]) -> None:
        """Take all logs in question."""
        self._hours = {(log.mac_address, log.hour) for log in logs if log.kind == "vnet" and log.known}

    def have(self, log: LoggedHour) -> bool:
        """Say whether an NSG flow log tells of nothing but what a VNet flow log tells, too."""
        return log.kind == "nsg" and (log.mac_address, log.hour) in self._hours


def _digits(mac_address: str | None) -> str | None:
    return None if mac_address is None else _NO_DIGIT.sub("", mac_address.upper())
