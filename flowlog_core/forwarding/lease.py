"""The lease on a blob's checkpoint, held for as long as a pass needs it.

After a pass somebody has to look at the source again: what was appended meanwhile was announced to a run that found
the lease held. An owner that held it for longer than `SHORT_SECONDS` looks. Otherwise that run does: it waits for
`WAIT_SECONDS` and asks for the lease once more. Whoever holds it then acquired it after the append that the run stands
for, or has held it for longer than `SHORT_SECONDS`, and looks.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from flowlog_core.errors import StorageError
from flowlog_core.forwarding.checkpoint import Checkpoint
from flowlog_core.forwarding.ports import CheckpointLease, Clock

SEND_SECONDS: Final = 40.0
"""Time limit of a send. No send starts unless the lease lasts longer."""

SHORT_SECONDS: Final = 2.0
"""A lease that was held for no longer leaves the look at the source to whoever found it held."""

WAIT_SECONDS: Final = 3.5
"""How long to wait for a lease that is held: `SHORT_SECONDS`, 1 s between the clocks of two servers, and a margin."""

_COMMIT_SECONDS: Final = 10.0  # a commit is safe in any case, by its condition; this is only to make it work out


class HeldLease:
    """A lease and its end, on the clock's monotonic scale: renewed where it would not last long enough."""

    def __init__(self, lease: CheckpointLease, clock: Clock, *, acquired: float, lease_seconds: float) -> None:
        """Take a lease that was asked for at `acquired` and lasts for `lease_seconds`."""
        self._lease = lease
        self._clock = clock
        self._seconds = lease_seconds
        self._acquired = acquired
        self._end = acquired + lease_seconds

    @property
    def requests(self) -> int:
        """Storage requests made for this lease so far, those to acquire it included."""
        return self._lease.requests

    def read(self) -> Checkpoint:
        """See `ports.CheckpointLease.read`."""
        return self._lease.read()

    def hold(self, seconds: float = SEND_SECONDS) -> None:
        """Ensure that the lease lasts for so long; by default, that it outlasts a send.

        Raises:
            CheckpointLostError: The lease is another's.
            StorageError: It can't be renewed.

        """
        now = self._clock.monotonic()
        if now + seconds > self._end:
            self._lease.renew()
            self._end = now + self._seconds

    def commit(self, checkpoint: Checkpoint) -> Checkpoint:
        """Store a checkpoint with the time of the commit, and return it.

        A request that failed is made once more: what is not committed comes again.

        Raises:
            CheckpointLostError: The lease has lapsed, or somebody else wrote.
            StorageError: The request failed.

        """
        with suppress(StorageError):  # the lease may last long enough; if not, the commit's condition says so
            self.hold(_COMMIT_SECONDS)
        stamped = replace(checkpoint, time=self._clock.now())
        try:
            self._lease.commit(stamped)
        except StorageError:
            self._lease.commit(stamped)
        return stamped

    def release(self) -> bool:
        """Release the lease, and say whether it was held so shortly that the source need not be looked at again.

        Two clocks must say so: this machine's, and the store's, which goes on where the machine stands still.

        Raises:
            StorageError: The request failed.

        """
        by_store = self._lease.release()
        by_machine = self._clock.monotonic() - self._acquired
        return by_store is not None and max(by_store, by_machine) <= SHORT_SECONDS
