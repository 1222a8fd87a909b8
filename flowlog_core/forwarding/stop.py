"""The request to stop: a flag that passes look at between two items, and while they wait."""

from typing import Final

from flowlog_core.forwarding.ports import Clock

_SLICE: Final = 0.5  # seconds after which one who sleeps looks at the flag


class StopFlag:
    """Set by a signal handler or another thread; it is never cleared.

    The first request lets a pass finish the range of which a part has arrived, since that part would come again
    otherwise. The second one gives that up, too. What is acknowledged is committed in any case.
    """

    def __init__(self) -> None:
        self._requests = 0

    def request(self) -> None:
        """Ask to stop; once more to stop at once. Safe in a signal handler."""
        self._requests += 1

    @property
    def requests(self) -> int:
        """How often a stop was requested."""
        return self._requests

    @property
    def is_set(self) -> bool:
        """Whether a stop was requested."""
        return self._requests > 0

    @property
    def at_once(self) -> bool:
        """Whether it was requested more than once."""
        return self._requests > 1

    def ends_sending(self, *, in_range: bool) -> bool:
        """Say whether no further batch is sent; `in_range`: a part of a range has arrived."""
        return self.at_once or (self.is_set and not in_range)

    def sleep(self, clock: Clock, seconds: float) -> None:
        """Sleep, up to the next request."""
        requests, until = self._requests, clock.monotonic() + seconds
        while self._requests == requests and (left := until - clock.monotonic()) > 0:
            clock.sleep(min(left, _SLICE))
