"""Real processes in trouble: several hosts on one Azurite and one hub, killed while a simulator writes.

Every other kill comes at any moment, the others between a send and its commit: when a host asks to commit what the hub
has acknowledged. ``make crash KILLS=50`` runs it at length; ``tests/endurance/test_crashes.py`` in short.
"""

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.event_hub.server import EventHub
from local.functions_host.process import WorkerProcess
from local.network_watcher.blob_stores import StorageAccount
from local.network_watcher.expected import Expected, Flow
from local.network_watcher.fleet import fleet
from local.network_watcher.writer import NetworkWatcher
from tests.endurance.victim import Victim
from tests.support.app import APP, settings_for
from tests.support.app_log import reports
from tests.support.storage_proxy import Trouble

HOSTS: Final = 3
PARTITIONS: Final = 4
INTERFACES: Final = 16
"""Each kill may leave a lease that holds for 60 s; there must be others to commit meanwhile."""
FLOWS_A_MINUTE: Final = 150
MINUTE_SECONDS: Final = 2.0
"""Real seconds that a simulated minute takes."""
KILL_SECONDS: Final = 6.0
"""A kill and the next host's start take less."""
COMMIT_SECONDS: Final = 10.0
"""How long to wait for a commit, to kill a host before it."""
SWEEP_SECONDS: Final = 5.0
PATIENCE: Final = 240.0
"""A killed host's lease holds for 60 s, and then some."""


@dataclass(slots=True)
class Verdict:
    """How it ended.

    Attributes:
        kills: Hosts killed.
        between: Those of them that were killed between a send and its commit, surely.
        written: Flows written.
        repeated: Flows that came again.
        wrong: What is wrong, in words; nothing if all is well.
        troubles: Requests to storage that met trouble.
        refused: Sends that the hub refused as busy.
        seconds: How long it took.
    """

    kills: int = 0
    between: int = 0
    written: int = 0
    repeated: int = 0
    wrong: list[str] = field(default_factory=list)
    troubles: int = 0
    refused: int = 0
    seconds: float = 0.0


class Torment:
    """One run of it."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.verdict = Verdict()
        self._seed = seed
        self._expected: dict[str, Flow] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def run(self, *, kills: int, seconds: float = 0.0) -> Verdict:
        """Kill so many hosts, or go on for so long without any; then let all come to rest, and judge."""
        began = time.monotonic()
        # Simulated minutes pass faster than real ones: begin so far back that they stay in the past.
        minutes = int((kills * KILL_SECONDS + seconds) / MINUTE_SECONDS)
        first_minute = int(time.time() / 60) - minutes
        with Azurite() as azurite, EventHub() as hub:
            settings = settings_for(
                azurite,
                hub,
                FLOWLOG_SWEEP_SCHEDULE="0 * * * * *",
                FLOWLOG_SWEEP_GRACE_SECONDS="0",
                FLOWLOG_SWEEP_HOURS=str(minutes // 60 + 2),
                FLOWLOG_EVENT_MAX_BYTES="65536",
            )
            with self._writing(azurite, first_minute):
                self._torment(azurite, hub, settings, kills=kills, seconds=seconds)
            hub.faults.clear()
            self._come_to_rest(hub, settings)
            self._judge(hub)
            self.verdict.refused = hub.counters().rejected
        self.verdict.seconds = time.monotonic() - began
        return self.verdict

    def _trouble(self) -> Trouble | None:
        with self._lock:
            if self.random.random() < 0.04:
                self.verdict.troubles += 1
                return self.random.choice(list(Trouble))
        return None

    @contextmanager
    def _writing(self, azurite: Azurite, first_minute: int) -> Iterator[None]:
        """Let a simulator write all the while."""
        with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
            watcher = NetworkWatcher(
                StorageAccount(service),
                fleet(INTERFACES, self._seed),
                first_minute=first_minute,
                per_minute=FLOWS_A_MINUTE,
                seed=self._seed,
                sink=self._expect,
            )
            writer = threading.Thread(target=lambda: self._write(watcher, first_minute))
            writer.start()
            try:
                yield
            finally:
                self._stop.set()
                writer.join()

    def _write(self, watcher: NetworkWatcher, minute: int) -> None:
        """Write minute after minute, and none that is not over: no sweep looks into the future."""
        while not self._stop.is_set():
            if minute < int(time.time() / 60):
                watcher.minute()
                minute += 1
            self._stop.wait(MINUTE_SECONDS)

    def _expect(self, expected: Expected) -> None:
        with self._lock:
            self._expected |= {str(flow["id"]): flow for flow in expected.flows}

    def _torment(
        self, azurite: Azurite, hub: EventHub, settings: dict[str, str], *, kills: int, seconds: float
    ) -> None:
        with ExitStack() as stack:
            victims = [
                stack.enter_context(Victim(azurite, hub, settings=settings, trouble=self._trouble))
                for _ in range(HOSTS)
            ]
            deadline = time.monotonic() + seconds
            while self.verdict.kills < kills or time.monotonic() < deadline:
                hub.faults.reject_busy(self.random.choice([0, 0, 2]))
                hub.faults.ack_delay = self.random.choice([0.0, 0.0, 0.3])
                self._stop.wait(self.random.uniform(0.05, 1.5))
                if self.verdict.kills < kills:
                    self._kill(self.random.choice(victims))

    def _kill(self, victim: Victim) -> None:
        if self.verdict.kills % 2:
            self.verdict.between += victim.kill_before_commit(within=COMMIT_SECONDS)
        else:
            victim.kill()
        self.verdict.kills += 1

    def _come_to_rest(self, hub: EventHub, settings: dict[str, str]) -> None:
        """Sweep until all that was written has arrived, or patience ends."""
        deadline = time.monotonic() + PATIENCE
        with WorkerProcess(APP, settings=settings, poll_seconds=1.0, only_new=True) as host:
            while self._expected.keys() - self._arrived(hub).keys() and time.monotonic() < deadline:
                sweeps = sum(map(reports("flowlog.sweep"), host.seen()))
                host.fire_timer("sweep")
                host.wait_for(reports("flowlog.sweep"), count=sweeps + 1, timeout=PATIENCE)
                self._pause(SWEEP_SECONDS, hub)

    def _pause(self, seconds: float, hub: EventHub) -> None:
        """Wait for more events, for some seconds at most."""
        before, until = hub.counters().events, time.monotonic() + seconds
        while hub.counters().events == before and time.monotonic() < until:
            threading.Event().wait(0.1)

    @staticmethod
    def _arrived(hub: EventHub) -> Counter[str]:
        return Counter(json.loads(line)["id"] for event in hub.events() for line in event.body.splitlines())

    def _judge(self, hub: EventHub) -> None:
        verdict, arrived = self.verdict, self._arrived(hub)
        verdict.written = len(self._expected)
        verdict.repeated = sum(arrived.values()) - len(arrived)
        lost = self._expected.keys() - arrived.keys()
        unknown = arrived.keys() - self._expected.keys()
        if lost:
            verdict.wrong.append(f"{len(lost)} flows are lost, such as {min(lost)}")
        if unknown:
            verdict.wrong.append(f"{len(unknown)} flows were never written, such as {min(unknown)}")
        for partition in range(PARTITIONS):
            self._judge_partition(hub, partition)

    def _judge_partition(self, hub: EventHub, partition: int) -> None:
        ends: dict[tuple[object, object], set[object]] = defaultdict(lambda: {0})
        for event in hub.events(partition):
            properties = event.properties
            place = (properties["blob"], properties["generation"])
            if properties["generation"] != 0:
                self.verdict.wrong.append(f"{properties['blob']} was taken for rewritten")
            if properties["rangeStart"] not in ends[place]:
                self.verdict.wrong.append(f"{properties['blob']}: nothing ended at {properties['rangeStart']}")
            ends[place].add(properties["rangeEnd"])
            for line in event.body.splitlines():
                flow = json.loads(line)
                if flow != self._expected.get(flow["id"]):
                    self.verdict.wrong.append(f"flow {flow['id']} differs from what was written")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, and tell; the status is 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.crashes", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how many hosts to kill (default: %(default)s)")
    parser.add_argument("--seed", default=str(time.time_ns()), help="of the chances (default: the time)")
    options = parser.parse_args(arguments)
    verdict = Torment(options.seed).run(kills=options.kills)
    for wrong in verdict.wrong[:10]:
        print(wrong)
    print(
        f"seed {options.seed}: {verdict.kills} kills, {verdict.between} of them between a send and its commit, "
        f"{verdict.troubles} storage troubles, {verdict.refused} sends refused, {verdict.written:,} flows written, "
        f"{verdict.repeated:,} again; {verdict.seconds:.0f} s; {len(verdict.wrong)} wrong"
    )
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
