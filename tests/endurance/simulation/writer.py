"""The hand that writes, rewrites, deletes, archives and rehydrates flow logs, and announces what it writes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from flowlog_core.source.blob import SourceBlob
from tests.endurance.simulation.oracle import truth_of
from tests.endurance.simulation.scheduler import Odds, Simulation
from tests.endurance.simulation.truth import Truth
from tests.support.flow_logs import document, vnet_record

ACCOUNT = "logs"
CONTAINER = "insights-logs-flowlogflowevent"
CONTAINERS = ((ACCOUNT, CONTAINER), (ACCOUNT, "insights-logs-networksecuritygroupflowevent"))
HOUR = datetime(2026, 11, 20, 22, tzinfo=UTC)
LOOK_BACK = 2  # hours

REFUSING = Odds(refuse=0.5, lose_event=0.1)


@dataclass(slots=True)
class Log:
    """One blob as the writer knows it."""

    blob: SourceBlob
    records: list[bytes] = field(default_factory=list)
    exists: bool = False
    archived: bool = False
    truths: list[Truth] = field(default_factory=list)


class Writer:
    """Writes the flow logs of one history.

    Attributes:
        logs: The flow logs.
        announced: The blobs of the announcements that are under way.
    """

    def __init__(self, sim: Simulation, *, crowded: bool, archives: bool, late: bool, unreadable: float) -> None:
        """Take what kind of history it is.

        Args:
            sim: Where the blobs are.
            crowded: Several resources in two containers, and others that were not written to for long.
            archives: Blobs are archived, and rehydrated again.
            late: Blobs are written to hours later, and mostly nothing announces that.
            unreadable: How many of the records can't be read, of 1.
        """
        self.announced: list[SourceBlob] = []
        self._sim = sim
        self._random = sim.random
        self._archives = archives
        self._late = late
        self._unreadable = unreadable
        self._number = 0
        count = self._random.randint(3, 5) if crowded else self._random.randint(1, 2)
        self.logs = [Log(self._blob(number, crowded=crowded)) for number in range(count)]
        for number in range(self._random.randint(6, 12) if crowded else 0):
            self._sim.put(self._old_blob(number), b"")

    def write(self) -> None:
        """Do something to one of the logs, unless it is too late for the sweep to notice."""
        log = self._random.choice(self.logs)
        if not self.is_within_look_back:
            return
        if self._archives and log.exists and self._random.random() < 0.3:
            self._change_tier(log)
        elif not log.archived:
            self._write(log)

    @property
    def is_within_look_back(self) -> bool:
        """Whether a sweep that begins now would look at the logs' hour."""
        return self._sim.now() < HOUR + timedelta(hours=LOOK_BACK + 1)

    def rehydrate_all(self) -> None:
        """Rehydrate what is archived, unless it is too late for the sweep to notice."""
        for log in self.logs:
            if log.archived and self.is_within_look_back:
                self._change_tier(log)

    def _blob(self, number: int, *, crowded: bool) -> SourceBlob:
        place = self._random.choice(CONTAINERS) if crowded else CONTAINERS[0]
        resource = self._random.choice(["net", "deeper/net", "other"]) if crowded else "net"
        name = f"{HOUR:y=%Y/m=%m/d=%d/h=%H}/m=00/macAddress=00155D00000{number}/PT1H.json"
        return SourceBlob(*place, f"flowLogResourceID=/{resource}/{name}")

    def _old_blob(self, number: int) -> SourceBlob:
        name = f"{HOUR - timedelta(days=9):y=%Y/m=%m/d=%d/h=%H}/m=00/macAddress=00155D00000{number}/PT1H.json"
        return SourceBlob(*CONTAINERS[number % 2], f"flowLogResourceID=/{self._random.choice('aoz')}{number}/{name}")

    def _change_tier(self, log: Log) -> None:
        log.archived = not log.archived
        self._sim.blobs[log.blob].archived_at = self._sim.seconds if log.archived else None

    def _write(self, log: Log) -> None:
        draw = self._random.random()
        if log.exists and draw < 0.06:  # chances of the rarer things
            log.exists = False
            self._sim.delete(log.blob)
            return
        if draw < 0.12 and log.records:
            # Another content of the same length. Each record differs in its last 512 bytes: what doesn't can't be
            # told by a fingerprint of so many.
            for old, new in ((b"10.0.0.4", b"10.0.0.5"), (b"AllowVnetOutBound", b"ALLOWVnetOutBound")):
                log.records = [record.replace(old, new) for record in log.records]
        elif draw < 0.2 and log.records:
            log.records = [self._record() for _ in range(self._random.randint(1, 3))]
        elif not log.exists:
            log.records = [self._record()]
        else:
            log.records = [*log.records, *(self._record() for _ in range(self._random.randint(1, 3)))]
        log.exists = True
        log.truths.append(truth_of(log.blob.path, log.records))
        self._sim.put(log.blob, document(log.records))
        self._announce(log.blob)

    def _announce(self, blob: SourceBlob) -> None:
        lose_event = 0.7 if self._late else self._sim.odds.lose_event
        if self._random.random() >= lose_event:
            self.announced.append(blob)
        if self._random.random() < (0.05 if self._late else 0.2):  # delivery is at least once
            self.announced.append(blob)

    def _record(self) -> bytes:
        self._number += 1
        refusing = self._sim.odds == REFUSING  # then ranges of several batches should meet records that can't be read
        tuples = 30 if refusing else self._random.choice([0, 1, 2, 5, 30])
        # No two records end in the same 512 bytes: what does can't be told apart by a fingerprint of so many.
        record = vnet_record(tuples, number=self._number, rule=f"AllowVnetOutBound{self._number:04d}")
        if self._random.random() < (0.4 if refusing else self._unreadable):
            record = record.replace(b'"flowLogVersion":4', b'"flowLogVersion":5')
        return record
